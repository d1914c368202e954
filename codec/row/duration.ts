// Durations as people write them: in URLs, and as the max_gap of a row.
import { unitUs } from "./time.ts";

/** The allowed forms of a duration, to follow "expected". */
export const durationForms = "a number with a unit (500ms, 1m, 1.5h; units us ms s m h d w)";

/** The pattern of a duration, for a schema. */
export const durationPattern = "^\\d{1,15}(\\.\\d{1,15})?(us|ms|[smhdw])$";

const duration = /^(\d{1,15})(?:\.(\d{1,15}))?(us|ms|[smhdw])$/;
/** An interval as PostgreSQL writes it. */
const interval = /^(?:(\d{1,4}) days? ?)?(?:(\d{1,6}):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/;

/** The longest duration of the contract: 10,000 years. */
const longestUs = 315_576_000_000_000_000n;

/** A duration in microseconds, finer digits cut; undefined if the text is not one, or too long. */
export function parseDuration(text: string): bigint | undefined {
  const match = duration.exec(text);
  if (!match) return undefined;
  const unit = unitUs[match[3] as keyof typeof unitUs];
  const fraction = match[2] ?? "";
  const us =
    BigInt(match[1]!) * unit + (BigInt(fraction || "0") * unit) / 10n ** BigInt(fraction.length);
  return us <= longestUs ? us : undefined;
}

/** The same, but also reads an interval as PostgreSQL writes it: "00:20:00", "1 day". */
export function parseInterval(text: string): bigint | undefined {
  const match = text === "" ? null : interval.exec(text);
  if (!match) return parseDuration(text);
  const [, days = "0", hours = "0", minutes = "0", seconds = "0", fraction = ""] = match;
  const wholeSeconds = (BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(seconds);
  return BigInt(days) * unitUs.d + wholeSeconds * unitUs.s + BigInt(fraction.padEnd(6, "0"));
}

/** A duration in seconds, exactly: "1200s", "0.02s". */
export function durationText(us: bigint): string {
  const whole = us / unitUs.s;
  const fraction = String(us % unitUs.s)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return fraction === "" ? `${whole}s` : `${whole}.${fraction}s`;
}
