// The time zone in which the page shows times: the browser's, or UTC.
import { computed, type ReadonlySignal } from "@preact/signals";
import { parameter, setParameters } from "../address/address.ts";

const browserZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Name in the IANA database. */
export const zone: ReadonlySignal<string> = computed(() =>
  parameter("zone") === "utc" ? "UTC" : browserZone,
);

export const toggleZone = (): void =>
  setParameters({ zone: parameter("zone") === "utc" ? undefined : "utc" });

/** "UTC+01:00" of a time in a zone; "UTC" where they are the same. */
export function offsetText(timeUs: number, timeZone: string): string {
  const minutes = offsetMinutes(timeUs, timeZone);
  if (minutes === 0) return "UTC";
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const two = (part: number) => String(part).padStart(2, "0");
  return `UTC${minutes < 0 ? "−" : "+"}${two(hours)}:${two(rest)}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** A format of each zone is made once: making one takes as long as 50 uses. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    if (formats.size > 20) formats.clear();
    formats.set(timeZone, format);
  }
  return format;
}

/** What the zone's clocks and calendar show. */
export type LocalTime = {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
};

export function localTime(timeUs: number, timeZone: string): LocalTime {
  const parts = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of formatOf(timeZone).formatToParts(Math.floor(timeUs / 1000)))
    if (type in parts) parts[type as keyof LocalTime] = Number(value);
  return parts;
}

/** How far the zone's clocks are ahead of UTC. */
export function offsetMinutes(timeUs: number, timeZone: string): number {
  const { year, month, day, hour, minute, second } = localTime(timeUs, timeZone);
  const shownMs = Date.UTC(year, month - 1, day, hour, minute, second);
  return Math.round((shownMs - Math.floor(timeUs / 1e6) * 1000) / 60_000);
}

/** The instant at which a date of the zone begins; the first one if clocks go back over it. */
export function startOfDayUs(timeUs: number, timeZone: string, addDays = 0): number {
  const { year, month, day } = localTime(timeUs, timeZone);
  const wantedMs = Date.UTC(year, month - 1, day + addDays);
  // The offset before or after the day's start, whichever gives the earlier instant that fits.
  const candidates = [-24, 0, 24].map((hours) => {
    const nearUs = (wantedMs + hours * 3_600_000) * 1000;
    return wantedMs * 1000 - offsetMinutes(nearUs, timeZone) * 60e6;
  });
  const fits = candidates.filter((us) => {
    const shown = localTime(us, timeZone);
    return Date.UTC(shown.year, shown.month - 1, shown.day) === wantedMs;
  });
  return (fits.length > 0 ? fits : candidates).reduce((least, us) => Math.min(least, us));
}
