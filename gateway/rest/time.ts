// Converts the contract's times and durations from and to microseconds as bigint: Number is exact
// only to the year 2255. codec/row/time-text.ts writes their texts.

import { create } from "@bufbuild/protobuf";
import {
  type Duration,
  DurationSchema,
  type Timestamp,
  TimestampSchema,
} from "@bufbuild/protobuf/wkt";

/** As the contract has it. */
export function toTimestamp(us: bigint): Timestamp {
  const seconds = us / 1_000_000n - (us % 1_000_000n < 0n ? 1n : 0n);
  return create(TimestampSchema, { seconds, nanos: Number(us - seconds * 1_000_000n) * 1_000 });
}

/** As the contract has it. */
export const toDuration = (us: bigint): Duration =>
  create(DurationSchema, { seconds: us / 1_000_000n, nanos: Number(us % 1_000_000n) * 1_000 });

/** In microseconds, finer digits cut. */
export const toUs = ({ seconds, nanos }: Duration): bigint =>
  seconds * 1_000_000n + BigInt(Math.trunc(nanos / 1_000));

/** In seconds: the double nearest to its decimal digits. */
export const toSeconds = ({ seconds, nanos }: Duration): number =>
  nanos === 0 ? Number(seconds) : Number(`${seconds}.${String(nanos).padStart(9, "0")}`);
