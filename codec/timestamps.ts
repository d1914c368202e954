// Microseconds as the contract's Timestamp and Duration, and back.
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

/** A whole number of microseconds since the epoch as a Timestamp. */
export function toTimestamp(timeUs: number): Timestamp {
  return { $typeName: "google.protobuf.Timestamp", ...split(timeUs) };
}

/** A whole number of microseconds, at least 0, as a Duration. */
export function toDuration(us: number): Duration {
  return { $typeName: "google.protobuf.Duration", ...split(us) };
}

function split(us: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(us / 1e6);
  return { seconds: BigInt(seconds), nanos: Math.round((us - seconds * 1e6) * 1000) };
}

/**
 * Microseconds of a Timestamp, finer digits cut; undefined if it is unset or its nanos are out of
 * range.
 */
export function toTimeUs(time: Timestamp | undefined): number | undefined {
  if (time === undefined || time.nanos < 0 || time.nanos > 999_999_999) return undefined;
  return Number(time.seconds) * 1_000_000 + Math.floor(time.nanos / 1000);
}

/** Microseconds of a Duration; NaN if it is out of range in itself. */
export function toDurationUs({ seconds, nanos }: Duration): number {
  if (
    Math.abs(nanos) > 999_999_999 ||
    (seconds !== 0n && nanos !== 0 && seconds < 0n !== nanos < 0)
  )
    return Number.NaN;
  return Number(seconds) * 1_000_000 + Math.trunc(nanos / 1000);
}
