// Points in time as rows and answers write them: RFC 3339. Times are microseconds since the epoch,
// as bigint: Number is exact only to the year 2255. time.ts reads what people write.
import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** RFC 3339 in UTC with no fraction, three or six digits: as many as the time needs. */
export function formatTime(us: bigint): string {
  const ms = us / 1_000n - (us % 1_000n < 0n ? 1n : 0n);
  const restUs = Number(us - ms * 1_000n);
  const text = new Date(Number(ms)).toISOString();
  if (restUs !== 0) return `${text.slice(0, -1)}${String(restUs).padStart(3, "0")}Z`;
  return text.endsWith(".000Z") ? `${text.slice(0, -5)}Z` : text;
}

/** Microseconds of the contract's Timestamp, finer digits cut. */
export function fromTimestamp({ seconds, nanos }: Timestamp): bigint {
  return seconds * 1_000_000n + BigInt(Math.floor(nanos / 1_000));
}

/** The text of the contract's Timestamp, like "2026-03-01T08:00:00Z"; undefined if it is unset. */
export const timeText = (time: Timestamp | undefined): string | undefined =>
  time && formatTime(fromTimestamp(time));
