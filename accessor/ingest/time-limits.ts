// Which times a record may have: not older than retention, and hardly in the future.
import type { Fault } from "../../codec/row/text-fault.ts";
import type { OldestTaken } from "../domain/retention.ts";

export const futureToleranceUs = 5 * 60 * 1_000_000;

/** Times that ingest accepts, in microseconds: from oldestUs to newestUs, both included. */
export type TimeLimits = OldestTaken & { newestUs: number };

/** The message is built when it is read. */
export function timeFault(timeUs: number, limits: TimeLimits): Fault | undefined {
  if (timeUs > limits.newestUs) {
    return {
      reason: "TIME_IN_FUTURE",
      get message() {
        return `${describe(timeUs)} is more than 5 minutes ahead of the database's clock`;
      },
    };
  }
  if (timeUs < limits.oldestUs) {
    return {
      reason: "TIME_TOO_OLD",
      get message() {
        return tooOld(timeUs, limits);
      },
    };
  }
  return undefined;
}

function tooOld(timeUs: number, { oldestUs, because }: TimeLimits): string {
  const older = `${describe(timeUs)} is older than ${describe(oldestUs)}, the limit set by`;
  return because === "age"
    ? `${older} --max-age; to import older records, start the accessor with --max-age unlimited`
    : `${older} retention`;
}

function describe(timeUs: number): string {
  const date = new Date(timeUs / 1000);
  return Number.isNaN(date.getTime()) ? `a time of ${timeUs} µs` : date.toISOString();
}
