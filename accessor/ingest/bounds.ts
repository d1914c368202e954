// What a record may hold: names and times. Each rule says what is wrong in words that help to mend
// it. Texts: codec/row/text-fault.ts.
import type { Fault } from "../../codec/row/text-fault.ts";
import type { OldestTaken } from "../domain/retention.ts";

export const signalPattern = /^[a-z][a-z0-9_]{0,62}$/;
export const producerPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Signals that are not samples. */
export const eventSignals: ReadonlySet<string> = new Set(["state", "error"]);

export const futureToleranceUs = 5 * 60 * 1_000_000;

/** Times that ingest takes, in microseconds: from oldestUs up to newestUs, both included. */
export type TimeBounds = OldestTaken & { newestUs: number };

/** Its message is put together when it is read. */
export function timeFault(timeUs: number, bounds: TimeBounds): Fault | undefined {
  if (timeUs > bounds.newestUs) {
    return {
      reason: "TIME_IN_FUTURE",
      get message() {
        return `${describe(timeUs)} is more than 5 minutes ahead of the database's clock`;
      },
    };
  }
  if (timeUs < bounds.oldestUs) {
    return {
      reason: "TIME_TOO_OLD",
      get message() {
        return tooOld(timeUs, bounds);
      },
    };
  }
  return undefined;
}

function tooOld(timeUs: number, { oldestUs, because }: TimeBounds): string {
  const older = `${describe(timeUs)} is older than ${describe(oldestUs)}, the limit set by`;
  return because === "age"
    ? `${older} --max-age; to import older records, start the accessor with --max-age unlimited`
    : `${older} retention`;
}

function describe(timeUs: number): string {
  const date = new Date(timeUs / 1000);
  return Number.isNaN(date.getTime()) ? `a time of ${timeUs} µs` : date.toISOString();
}
