// The clock of a time zone that a question about buckets names.
import {
  createLocalClock as createClock,
  type LocalClock,
  UnknownTimeZone,
} from "../../codec/local-clock.ts";
import { BucketEdgesError } from "./bucket-edges.ts";

/** Throws BucketEdgesError (`unknown_time_zone`). */
export function createLocalClock(timeZone: string): LocalClock {
  try {
    return createClock(timeZone);
  } catch (error) {
    if (!(error instanceof UnknownTimeZone)) throw error;
    throw new BucketEdgesError("unknown_time_zone", error.message, { cause: error });
  }
}
