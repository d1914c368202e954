// Points in time as people, PostgreSQL and machines write them: in rows of every interface and in
// URLs. Fractions are read as digits, never through floating point.

import { toSecond } from "./iso-second.ts";
import type { LocalTimes } from "./local-time.ts";
import { compactFault, dateOrderFault, noSuchTime, TimeFault } from "./time-fault.ts";

/** The unit of times that are numbers, counted since 1970-01-01T00:00:00Z. */
export type EpochUnit = "s" | "ms" | "us" | "ns";
export const epochUnits: readonly EpochUnit[] = ["s", "ms", "us", "ns"];

/** The allowed forms of a time, to follow "expected". */
export const timeForms =
  "RFC 3339 (2026-03-01T08:00:00Z; also with a blank for the T, +0100 or +01 for the zone, or as PostgreSQL writes it), a date (2026-03-01: its midnight in UTC), milliseconds since 1970 (1772352000000), or relative to now (now, -15m, now-1h; units us ms s m h d w)";

/** 0001-01-01T00:00:00Z and the end of year 9999: the range of RFC 3339 and Timestamp. */
const earliestUs = -62_135_596_800_000_000n;
const latestUs = 253_402_300_799_999_999n;

/** Lengths of the units of time, in microseconds. */
export const unitUs = {
  us: 1n,
  ms: 1_000n,
  s: 1_000_000n,
  m: 60_000_000n,
  h: 3_600_000_000n,
  d: 86_400_000_000n,
  w: 604_800_000_000n,
} as const;

/**
 * A number without a declared unit that lies before this is taken for a mistake: seconds of the
 * years after 1990, read as milliseconds, all fall in 1970.
 */
const declaredOnlyBeforeUs = 631_152_000_000_000n;

/** The fault of a text that has no form of a time. */
const notATime = new TimeFault(
  `expected ${timeForms}`,
  `is not a time in years 1 to 9999; expected ${timeForms}`,
);
const noZone = new TimeFault(
  "a time without a zone: add Z for UTC, or its offset such as +01:00, or declare time_zone=Europe/Berlin (producer flag: --time-zone)",
  "is refused: a time without a zone: add Z for UTC, or its offset such as +01:00",
);
const noLeapSecond = new TimeFault(
  "a second of 60 is a leap second, which there is only at 23:59:60 UTC",
);
const outside = new TimeFault("a time in years 1 to 9999 is expected");
const relativeToNow = new TimeFault(
  "must not be relative to now where the same rows may be sent again",
);

// In a query string an unescaped "+" is a space, so a space is read as the plus that was meant.
const rfc3339 =
  /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?(?:[Zz]|([-+ ])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)$/;
const withoutZone = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?$/;
const date = /^\d{4}-\d\d-\d\d$/;
const epochNumber = /^(-?)(\d{1,22})(?:\.(\d+))?$/;
const relative = /^(?:now)?(?:([-+ ])(\d{1,15})(us|ms|[smhdw]))?$/;

/** Whether the text names a time by its distance from now. */
export const isRelativeTime = (text: string): boolean => text !== "" && relative.test(text);

/** Whether the time lies in the years 1 to 9999. */
export const isTime = (us: bigint): boolean => us >= earliestUs && us <= latestUs;

export type TimeContext = {
  /** The present; undefined if times must not depend on when they are read. */
  nowUs: bigint | undefined;
  /**
   * The unit of numbers. Numbers that must be in another unit are refused: those beyond year 9999,
   * and those that fall within four months of 1970 but would fall between 1990 and 2286 in a
   * coarser unit. Undefined: milliseconds, where all numbers before 1990 are refused, since they
   * are mostly seconds.
   */
  epoch?: EpochUnit | undefined;
  /** Reads times without a zone, and dates in another order. */
  local?: LocalTimes | undefined;
};

/**
 * Microseconds since 1970 of a time in any of `timeForms`. Digits finer than a microsecond are cut.
 * A leap second, 23:59:60 UTC, is read as the second after it. `series` names the machine and
 * signal, where `local` needs them.
 */
export function readTime(text: string, context: TimeContext, series = ""): bigint | TimeFault {
  const us =
    fromRfc3339(text) ??
    context.local?.read(text, series) ??
    fromEpoch(text, context.epoch) ??
    fromRest(text, context);
  return typeof us !== "bigint" || isTime(us) ? us : outside;
}

function fromRest(text: string, { nowUs, local }: TimeContext): bigint | TimeFault {
  if (date.test(text)) return fromRfc3339(`${text}T00:00:00Z`)!;
  if (withoutZone.test(text)) return noZone;
  if (!isRelativeTime(text))
    return compactFault(text) ?? dateOrderFault(text, local?.format) ?? notATime;
  if (nowUs === undefined) return relativeToNow;
  const [, sign, amount, unit] = relative.exec(text)!;
  if (amount === undefined) return nowUs;
  const span = BigInt(amount) * unitUs[unit as keyof typeof unitUs];
  return sign === "-" ? nowUs - span : nowUs + span;
}

/** Nanoseconds per unit. */
const unitNs: Record<EpochUnit, bigint> = { s: 1_000_000_000n, ms: 1_000_000n, us: 1_000n, ns: 1n };
const digitsBelow: Record<EpochUnit, number> = { s: 9, ms: 6, us: 3, ns: 0 };

function fromEpoch(text: string, declared: EpochUnit | undefined): bigint | TimeFault | undefined {
  const match = epochNumber.exec(text);
  if (!match) return undefined;
  const unit = declared ?? "ms";
  const [, sign, whole, fraction = ""] = match;
  // Milliseconds have thirteen digits from 2001 to 2286. Ten digits are more likely a count of
  // seconds.
  if (declared === undefined && whole!.length !== 13 && whole!.length !== 10) {
    const fault = compactFault(text);
    if (fault !== undefined) return fault;
  }
  if (unit === "ms" && fraction === "" && sign === "") {
    const us = BigInt(whole!) * 1_000n;
    return epochFault(us, { whole: whole!, sign, declared }) ?? us;
  }
  const below = digitsBelow[unit];
  const ns =
    BigInt(whole!) * unitNs[unit] + BigInt(fraction.slice(0, below).padEnd(below, "0") || "0");
  const finer = /[1-9]/.test(fraction.slice(below));
  // Round down to the microsecond, as when the digits of a second are cut.
  const us = sign === "-" ? -((ns + (finer ? 1n : 0n) + 999n) / 1_000n) : ns / 1_000n;
  return epochFault(us, { whole: whole!, sign: sign!, declared }) ?? us;
}

const unitWord: Record<EpochUnit, string> = {
  s: "seconds",
  ms: "milliseconds",
  us: "microseconds",
  ns: "nanoseconds",
};
const rather = Object.fromEntries(
  epochUnits.map((unit) => {
    const what = unitWord[unit];
    const message = `these look like ${what}: declare epoch=${unit} (producer flag: --epoch ${unit})`;
    return [unit, new TimeFault(message, `looks like ${what}: write milliseconds or RFC 3339`)];
  }),
) as Record<EpochUnit, TimeFault>;
const beforeGuessed = new TimeFault(
  "as milliseconds since 1970, this number is before 1990: declare its unit with epoch=s, ms, us or ns (producer flag: --epoch)",
  "means a time before 1990 as milliseconds since 1970: write RFC 3339, such as 2026-03-01T08:00:00Z",
);

/** 2286: until then a count of seconds has ten digits, of milliseconds thirteen, and so on. */
const countsBeforeUs = 10_000_000_000_000_000n;

type Epoch = { whole: string; sign: string; declared: EpochUnit | undefined };

/** What is wrong with a number that was read as `us`, of the declared unit or as milliseconds. */
function epochFault(us: bigint, { whole, sign, declared }: Epoch): TimeFault | undefined {
  if (us >= declaredOnlyBeforeUs && us <= latestUs) return undefined;
  const at = epochUnits.indexOf(declared ?? "ms");
  const inUnit = (unit: EpochUnit) => (BigInt(whole) * unitNs[unit]) / 1_000n;
  if (us > latestUs) {
    const finer = epochUnits.slice(at + 1).find((unit) => inUnit(unit) <= latestUs);
    return finer === undefined ? outside : rather[finer];
  }
  if (declared === undefined) return us * 1_000n >= declaredOnlyBeforeUs ? rather.s : beforeGuessed;
  if (sign !== "") return undefined;
  // In the declared unit the number lies in the first four months of 1970, and in a coarser unit
  // after 1990.
  const likely = (unit: EpochUnit) =>
    inUnit(unit) >= declaredOnlyBeforeUs && inUnit(unit) < countsBeforeUs;
  const coarser = epochUnits.slice(0, at).find(likely);
  return coarser && rather[coarser];
}

function fromRfc3339(text: string): bigint | TimeFault | undefined {
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const [
    ,
    day,
    clock,
    second = ":00",
    fraction = "",
    sign,
    hours = "0",
    minutes = "0",
    offsetSeconds = "0",
  ] = match;
  // No format has a fraction of a minute.
  if (match[3] === undefined && fraction !== "") return notATime;
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(offsetSeconds) > 59)
    return new TimeFault(`there is no offset of ${hours}:${minutes} from UTC`);
  const leap = second === ":60";
  const ms = toSecond(`${day}T${clock}${leap ? ":59" : second}`);
  if (ms === undefined) return noSuchTime(day!, clock!, second);
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(offsetSeconds) * 1_000;
  const utcMs = (sign === "-" ? ms + offsetMs : ms - offsetMs) + (leap ? 1_000 : 0);
  if (leap && utcMs % 86_400_000 !== 0) return noLeapSecond;
  return BigInt(utcMs) * 1_000n + BigInt(fraction === "" ? 0 : fraction.slice(0, 6).padEnd(6, "0"));
}
