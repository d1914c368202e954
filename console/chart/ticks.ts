// Where the ticks of a time axis are, and what they say: round steps in the shown zone.
import { clockText, dateText } from "../time/format.ts";
import { localTime, offsetMinutes, startOfDayUs } from "../time/zone.ts";
import type { View } from "./axis.ts";

export type Tick = {
  readonly timeUs: number;
  readonly label: string;
  /** The first of its day in view: the date belongs to it. */
  readonly date: string | undefined;
};

const ms = 1_000;
const second = 1_000 * ms;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const fixedSteps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * ms),
  ...[1, 2, 5, 10, 15, 30].map((step) => step * second),
  ...[1, 2, 5, 10, 15, 30].map((step) => step * minute),
  ...[1, 2, 3, 6, 12].map((step) => step * hour),
];
const daySteps = [1, 2, 7, 14];
const monthSteps = [1, 2, 3, 6, 12, 24, 60, 120];

/** At most about one tick for every `everyPx` of `width`. */
export function ticksOf(
  { fromUs, toUs }: View,
  { width, timeZone, everyPx = 90 }: { width: number; timeZone: string; everyPx?: number },
): Tick[] {
  const leastUs = ((toUs - fromUs) / Math.max(1, width)) * everyPx;
  const fixed = fixedSteps.find((step) => step >= leastUs);
  const times =
    fixed !== undefined
      ? fixedTimes(fromUs, toUs, { step: fixed, timeZone })
      : calendarTimes(fromUs, toUs, { leastUs, timeZone });
  let lastDate: string | undefined;
  return times.map((timeUs) => {
    const date = dateText(timeUs, timeZone);
    const isNew = date !== lastDate;
    lastDate = date;
    return {
      timeUs,
      label: fixed === undefined ? date : labelOf(timeUs, fixed, timeZone),
      date: isNew && fixed !== undefined ? date : undefined,
    };
  });
}

function labelOf(timeUs: number, step: number, timeZone: string): string {
  if (step >= minute) return clockText(timeUs, timeZone).slice(0, 5);
  return clockText(timeUs, timeZone, step >= second ? 0 : step >= 100 * ms ? 1 : 3);
}

/** Steps below a day: multiples of the step since local midnight, for as long as its clocks run. */
function fixedTimes(
  fromUs: number,
  toUs: number,
  { step, timeZone }: { step: number; timeZone: string },
): number[] {
  const times: number[] = [];
  // Local time is UTC and an offset, which may change within the view.
  let at = Math.ceil(fromUs / step) * step;
  if (step >= hour || offsetMinutes(fromUs, timeZone) % 60 !== 0) {
    const offsetUs = offsetMinutes(fromUs, timeZone) * minute;
    at = Math.ceil((fromUs + offsetUs) / step) * step - offsetUs;
  }
  // Where clocks change, a whole hour of the zone may be one step beside the multiples.
  const playUs = step >= hour ? step : 0;
  for (at -= playUs; at <= toUs + playUs && times.length < 1_000; at += step) {
    if (step < hour) {
      times.push(at);
      continue;
    }
    // After clocks change, whole local hours are elsewhere.
    const { hour: shown, minute: rest } = localTime(at, timeZone);
    const wrongUs = ((shown * hour + rest * minute) % step) as number;
    const right = wrongUs === 0 ? at : wrongUs <= step / 2 ? at - wrongUs : at + step - wrongUs;
    if (right >= fromUs && right <= toUs && right > (times.at(-1) ?? Number.NEGATIVE_INFINITY))
      times.push(right);
  }
  return times;
}

/** Days, weeks, months and years of the zone. */
function calendarTimes(
  fromUs: number,
  toUs: number,
  { leastUs, timeZone }: { leastUs: number; timeZone: string },
): number[] {
  const days = daySteps.find((step) => step * day >= leastUs);
  const times: number[] = [];
  const { year, month } = localTime(fromUs, timeZone);
  if (days !== undefined) {
    // Weeks begin on Monday: 1970-01-05 was one.
    const dayNumber = (us: number) => {
      const local = localTime(us, timeZone);
      return Date.UTC(local.year, local.month - 1, local.day) / 86_400_000 - 4;
    };
    let at = startOfDayUs(fromUs, timeZone);
    for (let i = 0; at <= toUs && i < 2_000; i++, at = startOfDayUs(at, timeZone, 1))
      if (at >= fromUs && ((dayNumber(at) % days) + days) % days === 0) times.push(at);
    return times;
  }
  const months = monthSteps.find((step) => step * 30 * day >= leastUs) ?? monthSteps.at(-1)!;
  const first = Math.floor((year * 12 + month - 1) / months) * months;
  for (let i = first; times.length < 1_000; i += months) {
    const noonUs = Date.UTC(Math.floor(i / 12), i % 12, 1, 12) * 1_000;
    const at = startOfDayUs(noonUs, timeZone);
    if (at > toUs) break;
    if (at >= fromUs) times.push(at);
  }
  return times;
}
