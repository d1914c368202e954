// Why a text is not a time, in words that help to correct it.

/** A refused time. */
export class TimeFault {
  /** The message for a row. */
  readonly message: string;
  /** The message for a query, to follow the text: a query cannot declare the unit of numbers. */
  readonly inQuery: string;
  constructor(message: string, inQuery = `is refused: ${message}`) {
    this.message = message;
    this.inQuery = inQuery;
  }
}

// The calendar repeats after 400 years, and Date takes years below 100 for other years.
const daysOf = (year: number, month: number): number =>
  month >= 1 && month <= 12 ? new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate() : 0;
const isDay = (year: number, month: number, day: number): boolean =>
  day >= 1 && day <= daysOf(year, month);

/** Names the part of "2026-02-29", "08:60" and ":00" that does not exist. */
export function noSuchTime(date: string, clock: string, second: string): TimeFault {
  const [year = 0, month = 0, day = 0] = date.split("-").map(Number);
  const [hour = "", minute = ""] = clock.split(":");
  if (!isDay(year, month, day)) return new TimeFault(`there is no day ${date}`);
  if (hour === "24")
    return new TimeFault("there is no hour 24: the end of a day is 00:00 of the next one");
  if (Number(hour) > 23) return new TimeFault(`there is no hour ${hour}`);
  return new TimeFault(
    Number(minute) > 59 ? `there is no minute ${minute}` : `there is no second ${second.slice(1)}`,
  );
}

/**
 * Year, month, day, minute and second without separators. Ten digits are more likely a count of
 * seconds.
 */
const compact =
  /^((?:19|20)\d\d)(?:(\d\d)(?:(\d\d)(?:[Tt ]?(\d\d)(\d\d)(\d\d)?(?:[.,]\d+)?(?:[Zz]|[-+ ][\d:]+)?)?)?)?$/;

/** For 20261129, 2026, 20261129T0800 and the like: how to write the time that they look like. */
export function compactFault(text: string): TimeFault | undefined {
  const match = compact.exec(text);
  if (match === null) return undefined;
  const [, year, month = "01", day = "01", hour = "00", minute = "00", second = "00"] = match;
  if (!isDay(Number(year), Number(month), Number(day))) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const date = `${year}-${month}-${day}`;
  const looks =
    match[4] !== undefined
      ? `like a date and a time: write ${date}T${hour}:${minute}:${second}Z, or with the offset of its zone`
      : `like a ${match[3] !== undefined ? "date" : match[2] !== undefined ? "month" : "year"}: write ${date}`;
  return new TimeFault(`this looks ${looks}`, `looks ${looks}`);
}

const dotted = /^\d{1,2}\.\d{1,2}\.(\d{4}|\d\d)(?:[Tt ,]|$)/;
const slashed = /^(\d{1,4})([/.-])(\d{1,2})\2(\d{1,4})(?:[Tt ,]|$)/;

/** For 01.03.2026, 3/1/2026 and the like: which declaration says what they mean. */
export function dateOrderFault(text: string, declared?: string): TimeFault | undefined {
  const formats = formatsOf(text);
  if (formats === undefined) return undefined;
  const how = `declare time_format=${formats.join(" or ")} (producer flag: --time-format ${formats[0]})`;
  const message =
    declared === undefined
      ? `a date in an order of its own: ${how}`
      : `not a time of the declared time_format ${declared}: ${how}, if all times of the file have it`;
  return new TimeFault(message, "is not a time in RFC 3339: write 2026-03-01T08:00:00Z");
}

function formatsOf(text: string): string[] | undefined {
  const [, years] = dotted.exec(text) ?? [];
  if (years !== undefined) return [`DD.MM.${"Y".repeat(years.length)}`];
  const [, first = "", mark = "", , last = ""] = slashed.exec(text) ?? [];
  if (first.length === 4)
    return mark === "-" || last.length > 2 ? undefined : [`YYYY${mark}MM${mark}DD`];
  if (first.length > 2 || last.length !== 4) return undefined;
  return mark === "/" ? ["DD/MM/YYYY", "MM/DD/YYYY"] : [`DD${mark}MM${mark}YYYY`];
}
