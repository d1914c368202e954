// Finds silence by going through the minutes, and looking for a record in each. For tests only.
import type { RawRecord, Window } from "./records.ts";

const minuteUs = 60e6;
/** For machines whose signals have a max_gap of ten minutes at most. */
export const toleranceUs = 10 * minuteUs;

const floor = (us: number) => Math.floor(us / minuteUs) * minuteUs;

/**
 * The minutes of a window that are silent, cut to it, each with the start of the silence
 * (-Infinity: no record before). records: of one machine.
 */
export function silentMinutes(
  records: readonly Pick<RawRecord, "timeUs">[],
  { fromUs, toUs }: Window,
  tolerance = toleranceUs,
): (Window & { sinceUs: number })[] {
  const alive = new Set(records.map(({ timeUs }) => floor(timeUs)));
  const before = [...alive].filter((minute) => minute < floor(fromUs));
  let lastUs = before.reduce((most, minute) => Math.max(most, minute), Number.NEGATIVE_INFINITY);
  const silent: (Window & { sinceUs: number })[] = [];
  for (let minute = floor(fromUs); minute < toUs; minute += minuteUs) {
    if (alive.has(minute)) lastUs = minute;
    const sinceUs = lastUs + minuteUs + tolerance;
    if (minute >= sinceUs)
      silent.push({
        fromUs: Math.max(minute, fromUs),
        toUs: Math.min(minute + minuteUs, toUs),
        sinceUs,
      });
  }
  return silent;
}

export const lengthOf = (spans: readonly Window[]): number =>
  spans.reduce((sum, { fromUs, toUs }) => sum + toUs - fromUs, 0);

/** Joins those that touch. */
export function joined(spans: readonly Window[]): Window[] {
  const all: { fromUs: number; toUs: number }[] = [];
  for (const { fromUs, toUs } of spans) {
    const last = all.at(-1);
    if (last?.toUs === fromUs) last.toUs = toUs;
    else all.push({ fromUs, toUs });
  }
  return all;
}
