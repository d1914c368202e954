// What a record may hold: names, texts, times. Each rule says what is wrong in words that help to
// mend it.
import type { Reason } from "../failure.ts";
import type { OldestTaken } from "../retention.ts";

export const machinePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
export const signalPattern = /^[a-z][a-z0-9_]{0,62}$/;
export const producerPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Signals that are not samples. */
export const eventSignals: ReadonlySet<string> = new Set(["state", "error"]);

export const defaultMaxGapUs = 1_000_000;
export const maxMaxGapUs = 24 * 3600 * 1_000_000;
export const futureToleranceUs = 5 * 60 * 1_000_000;

export type Fault = { readonly reason: Reason; readonly message: string };

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

/** Why a text cannot be stored; undefined if it can. Characters count as UTF-16 units. */
export function textFault(
  field: string,
  text: string,
  { min = 0, max }: { min?: number; max: number },
): Fault | undefined {
  const fault = (what: string): Fault => ({ reason: "TEXT_INVALID", message: `${field} ${what}` });
  if (text.length < min) return fault("is required");
  if (text.length > max) return fault(`has ${text.length} characters; at most ${max} are kept`);
  if (text.includes("\0")) return fault("holds U+0000, which PostgreSQL cannot store");
  return undefined;
}
