// Times as the clocks of a place show them: in a declared order of day, month and year, and without
// a zone of their own, which is then declared.
import { createLocalClock } from "../local-clock.ts";
import { toSecond } from "./iso-second.ts";
import { noSuchTime, TimeFault } from "./time-fault.ts";

/** The declared orders of a date. `YY` is a year from 2000 to 2099. */
export const timeFormats = [
  "YYYY-MM-DD",
  "DD.MM.YYYY",
  "DD.MM.YY",
  "DD/MM/YYYY",
  "MM/DD/YYYY",
  "DD-MM-YYYY",
  "YYYY/MM/DD",
  "YYYY.MM.DD",
  "YYYYMMDD",
] as const;
export type TimeFormat = (typeof timeFormats)[number];

/**
 * What a time means that clocks show twice, because they are set back: refused; the first or the
 * second pass; or, of each machine and signal, the first one that is after the row before.
 */
export const repeatedHours = ["reject", "first", "second", "in-order"] as const;
export type RepeatedHour = (typeof repeatedHours)[number];

export type LocalTimeFormat = {
  readonly format?: TimeFormat | undefined;
  /** IANA name, or an offset such as +01:00. */
  readonly timeZone?: string | undefined;
  readonly repeatedHour?: RepeatedHour | undefined;
};

/** Reads times of one upload: `in-order` remembers the last time of each series. */
export type LocalTimes = {
  readonly format: TimeFormat | undefined;
  /** Whether `read` needs the series. */
  readonly needsSeries: boolean;
  /** Undefined: the text is not a date of this format with or without a time of day. */
  read(text: string, series: string): bigint | TimeFault | undefined;
};

const clockForm = String.raw`(?:[Tt ,]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?([AaPp])\.?[Mm]\.?)?)?`;
const zoneForm = String.raw`( ?(?:[Zz]|UTC|[+-]\d\d(?::?\d\d)?))?`;
const compactClock = String.raw`(?:[Tt ]?(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?()?)?`;

function formOf(format: TimeFormat): RegExp {
  const [year, two] = ["(?<year>\\d{4})", "(?<year>\\d\\d)"];
  const compact = format === "YYYYMMDD";
  const digits = compact ? "\\d\\d" : "\\d{1,2}";
  const date = format
    .replaceAll(/[./]/g, "\\$&")
    .replace("YYYY", year)
    .replace("YY", two)
    .replace("MM", `(?<month>${digits})`)
    .replace("DD", `(?<day>${digits})`);
  return new RegExp(`^${date}${compact ? compactClock : clockForm}${zoneForm}$`);
}

const needsZone = new TimeFault(
  "a time without a zone: declare time_zone=Europe/Berlin, or the zone in which it was written (producer flag: --time-zone)",
);

/** Most series whose last time is remembered. */
const maxSeries = 10_000;

/** Throws UnknownTimeZone. */
export function createLocalTimes(options: LocalTimeFormat): LocalTimes {
  const { format, timeZone, repeatedHour = "reject" } = options;
  const form = formOf(format ?? "YYYY-MM-DD");
  const toInstant = timeZone === undefined ? undefined : createInstants(timeZone, repeatedHour);
  return {
    format,
    needsSeries: repeatedHour === "in-order",
    read(text, series) {
      const match = form.exec(text);
      if (match === null) return undefined;
      const { year = "", month = "", day = "" } = match.groups!;
      const parts = match.slice(4);
      const [hour, minute = "00", second = "00", fraction = "", half, zone] = parts;
      const date = `${year.padStart(4, "20")}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
      const hours = hour === undefined ? "00" : hourOf(hour, half);
      const clock = `${hours}:${minute}`;
      const localMs = toSecond(`${date}T${clock}:${second}`);
      if (localMs === undefined) return noSuchTime(date, clock, `:${second}`);
      const restUs = BigInt(fraction === "" ? 0 : fraction.slice(0, 6).padEnd(6, "0"));
      if (zone !== undefined) return atOffset(localMs, zone, restUs);
      if (toInstant === undefined) return format === undefined ? undefined : needsZone;
      const ms = toInstant(localMs, { series, isDate: hour === undefined, shown: text });
      return typeof ms === "number" ? BigInt(ms) * 1_000n + restUs : ms;
    },
  };
}

/** "12" of AM is 0, of PM 12. A wrong hour stays wrong. */
function hourOf(hour: string, half: string | undefined): string {
  if (half === undefined || half === "") return hour.padStart(2, "0");
  const number = Number(hour);
  if (number < 1 || number > 12) return "99";
  return String((number % 12) + (half.toLowerCase() === "p" ? 12 : 0)).padStart(2, "0");
}

function atOffset(localMs: number, zone: string, restUs: bigint): bigint | TimeFault {
  const [, sign, hours = "0", minutes = "0"] = /([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  if (Number(hours) > 23 || Number(minutes) > 59)
    return new TimeFault(`there is no offset of ${hours}:${minutes} from UTC`);
  const ms = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return BigInt(sign === "-" ? localMs + ms : localMs - ms) * 1_000n + restUs;
}

type Asked = { series: string; isDate: boolean; shown: string };

/** The instant of a local time; or why there is none, or not one. */
function createInstants(timeZone: string, repeatedHour: RepeatedHour) {
  const clock = createLocalClock(timeZone);
  const last = new Map<string, number>();
  // Rows of one minute share it: asking the zone takes some microseconds.
  let known: { minuteMs: number; instants: readonly number[] } = { minuteMs: NaN, instants: [] };
  const instantsOf = (localMs: number) => {
    const minuteMs = Math.floor(localMs / 60_000) * 60_000;
    if (known.minuteMs !== minuteMs) known = { minuteMs, instants: clock.instantsOf(minuteMs) };
    return known.instants.map((ms) => ms + localMs - minuteMs);
  };
  const note = (series: string, ms: number) => {
    if (repeatedHour === "in-order" && (last.has(series) || last.size < maxSeries))
      last.set(series, ms);
    return ms;
  };
  return (localMs: number, { series, isDate, shown }: Asked): number | TimeFault => {
    if (isDate) return note(series, clock.firstInstantOf(localMs));
    const [first, second] = instantsOf(localMs);
    if (first === undefined)
      return new TimeFault(`${timeZone} has no ${shown}: clocks are set forward over it`);
    if (second === undefined || repeatedHour === "first") return note(series, first);
    if (repeatedHour === "second") return second;
    if (repeatedHour === "reject")
      return new TimeFault(
        `${timeZone} has ${shown} twice, as clocks are set back: write its offset, or declare repeated_hour=first, second or in-order (producer flag: --repeated-hour)`,
      );
    if (last.size >= maxSeries && !last.has(series))
      return new TimeFault(
        `repeated_hour=in-order is only for the first ${maxSeries} signals of machines in a file`,
      );
    const before = last.get(series) ?? Number.NEGATIVE_INFINITY;
    const ms = [first, second].find((one) => one > before);
    if (ms !== undefined) return note(series, ms);
    return new TimeFault(
      `${timeZone} has ${shown} twice, and both are at or before the row before of this machine and signal`,
    );
  };
}
