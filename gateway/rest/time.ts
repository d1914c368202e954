// Points in time as people write them in a URL, and as REST answers write them. Microseconds since
// the epoch, as bigint: Number is exact to the year 2255 only.

import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

/** What a time may look like, to follow "expected". */
export const timeForms =
  "RFC 3339 (2026-03-01T08:00:00Z), a date (2026-03-01: its midnight in UTC), milliseconds since 1970 (1772352000000), or relative to now (now, -15m, now-1h; units ms s m h d w)";

/** 0001-01-01T00:00:00Z and the end of year 9999: what RFC 3339 and Timestamp can say. */
const earliestUs = -62_135_596_800_000_000n;
const latestUs = 253_402_300_799_999_999n;

const unitUs = {
  ms: 1_000n,
  s: 1_000_000n,
  m: 60_000_000n,
  h: 3_600_000_000n,
  d: 86_400_000_000n,
  w: 604_800_000_000n,
};

// In a query string an unescaped "+" is a space: taken as the plus that was meant.
const rfc3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([-+ ])(\d\d):(\d\d))$/;
const date = /^\d{4}-\d\d-\d\d$/;
const epochMs = /^(-?)(\d{1,18})(?:\.(\d+))?$/;
const relative = /^(?:now)?(?:([-+ ])(\d{1,15})(ms|[smhdw]))?$/;

/** Whether the text names a time by its distance from now. */
export const isRelativeTime = (text: string): boolean => text !== "" && relative.test(text);

/**
 * Reads a time in any of `timeForms`; finer digits than microseconds are cut. Undefined if it is
 * none, or outside years 1 to 9999.
 */
export function parseTime(text: string, nowUs: bigint): bigint | undefined {
  const us = isRelativeTime(text)
    ? fromRelative(text, nowUs)
    : (fromEpochMs(text) ?? fromRfc3339(date.test(text) ? `${text}T00:00:00Z` : text));
  return us !== undefined && isTime(us) ? us : undefined;
}

/** Whether it lies in years 1 to 9999. */
export const isTime = (us: bigint): boolean => us >= earliestUs && us <= latestUs;

function fromRelative(text: string, nowUs: bigint): bigint {
  const [, sign, amount, unit] = relative.exec(text)!;
  if (amount === undefined) return nowUs;
  const span = BigInt(amount) * unitUs[unit as keyof typeof unitUs];
  return sign === "-" ? nowUs - span : nowUs + span;
}

function fromEpochMs(text: string): bigint | undefined {
  const match = epochMs.exec(text);
  if (!match) return undefined;
  const us = BigInt(match[2]!) * 1_000n + BigInt((match[3] ?? "").slice(0, 3).padEnd(3, "0"));
  return match[1] === "-" ? -us : us;
}

function fromRfc3339(text: string): bigint | undefined {
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const [, day, clock, fraction = "", sign, hours = "0", minutes = "0"] = match;
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const ms = toSecond(`${day}T${clock}`);
  if (ms === undefined) return undefined;
  const offsetUs = (BigInt(hours) * 60n + BigInt(minutes)) * unitUs.m;
  const us = BigInt(ms) * 1_000n + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
  return sign === "-" ? us + offsetUs : us - offsetUs;
}

/**
 * The last second read: rows of one machine have a hundred in a row; reading each with Date took a
 * third of an upload.
 */
let known: { text: string; ms: number | undefined } = { text: "", ms: undefined };

/** Milliseconds of "2026-03-01T08:00:00", UTC; undefined if there is no such second. */
function toSecond(text: string): number | undefined {
  if (text === known.text) return known.ms;
  const ms = Date.parse(`${text}Z`);
  // 30 February rolls over, and 24:00 is midnight to Date: what comes back then differs from what
  // was written.
  const exists = !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 19) === text;
  known = { text, ms: exists ? ms : undefined };
  return known.ms;
}

/** RFC 3339 in UTC with no fraction, three or six digits: as many as the time needs. */
export function formatTime(us: bigint): string {
  const ms = us / 1_000n - (us % 1_000n < 0n ? 1n : 0n);
  const restUs = Number(us - ms * 1_000n);
  const text = new Date(Number(ms)).toISOString();
  if (restUs !== 0) return `${text.slice(0, -1)}${String(restUs).padStart(3, "0")}Z`;
  return text.endsWith(".000Z") ? `${text.slice(0, -5)}Z` : text;
}

/** As the contract has it. */
export function toTimestamp(us: bigint): Timestamp {
  const seconds = us / 1_000_000n - (us % 1_000_000n < 0n ? 1n : 0n);
  return create(TimestampSchema, { seconds, nanos: Number(us - seconds * 1_000_000n) * 1_000 });
}

/** As the contract has it, to the microsecond. */
export function fromTimestamp({ seconds, nanos }: Timestamp): bigint {
  return seconds * 1_000_000n + BigInt(Math.floor(nanos / 1_000));
}

/** "2026-03-01T08:00:00Z", of a time of the contract; undefined if it is unset. */
export const timeText = (time: Timestamp | undefined): string | undefined => time && formatTime(fromTimestamp(time));

const duration = /^(\d{1,15})(ms|[smhdw])$/;

/** What a length of time may look like, to follow "expected". */
export const durationForms = "a number with a unit (500ms, 1m, 1h; units ms s m h d w)";

/**
 * Reads a length of time in microseconds; undefined if it is none, or more than the contract can
 * say (10,000 years).
 */
export function parseDuration(text: string): bigint | undefined {
  const match = duration.exec(text);
  if (!match) return undefined;
  const us = BigInt(match[1]!) * unitUs[match[2] as keyof typeof unitUs];
  return us <= 315_576_000_000_000_000n ? us : undefined;
}

/** As the contract has it. */
export const toDuration = (us: bigint): Duration =>
  create(DurationSchema, { seconds: us / 1_000_000n, nanos: Number(us % 1_000_000n) * 1_000 });

/** In seconds: the double nearest to its decimal digits. */
export const toSeconds = ({ seconds, nanos }: Duration): number =>
  nanos === 0 ? Number(seconds) : Number(`${seconds}.${String(nanos).padStart(9, "0")}`);
