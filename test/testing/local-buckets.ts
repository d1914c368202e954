// An oracle of calendar buckets: names the unit of each raw sample by the time on a wall clock, and
// sums up by name in plain loops. It uses no edges, offsets or blocks.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { toTimeUs } from "../../codec/timestamps.ts";

export type RawSample = { timeUs: number; value: number };
export type OracleUnit = "day" | "week" | "month" | "quarter" | "year" | "shift";
export type OracleCalendar = { timeZone: string; unit: OracleUnit; starts: readonly string[] };
export type OracleSeries = { sampleType: SampleType; maxGapUs: number };

/** A window, and the name of the unit at each instant of it. */
export type LocalWindow = { fromUs: number; toUs: number; nameAt: (timeUs: number) => string };

/** The contents of one unit: its samples in order, and the pieces between samples in it. */
export type Held = { samples: RawSample[]; area: number; coveredUs: number };

/** In our zones, clocks change and units begin at whole quarters of an hour. */
const quarterUs = 900e6;
/** Clocks are set back by no more than this. */
const backQuarters = 16;

const dayBefore = (date: string) =>
  new Date(Date.parse(`${date}T00:00:00Z`) - 86_400e3).toISOString().slice(0, 10);

/** The name of the unit at an instant; a later unit has a greater one. */
export function unitNamer({ timeZone, unit, starts }: OracleCalendar): (timeUs: number) => string {
  // The Swedish locale writes "2024-03-31 02:15".
  const clock = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "short",
  });
  const ascending = [...starts].sort();
  const shown = new Map<number, string>();
  const nameAt = (quarter: number): string => {
    const known = shown.get(quarter);
    if (known !== undefined) return known;
    const [today = "", time = ""] = clock.format((quarter * quarterUs) / 1000).split(" ");
    const begun = ascending.filter((start) => start <= time).at(-1);
    const date = begun === undefined ? dayBefore(today) : today;
    const name = nameOf(unit, date, begun ?? ascending.at(-1)!);
    shown.set(quarter, name);
    return name;
  };
  // If clocks are set back, a unit that has begun does not begin again.
  return (timeUs) => {
    const quarter = Math.floor(timeUs / quarterUs);
    let name = "";
    for (let i = 0; i <= backQuarters; i++) {
      const before = nameAt(quarter - i);
      if (before > name) name = before;
    }
    return name;
  };
}

function nameOf(unit: OracleUnit, date: string, start: string): string {
  if (unit === "shift") return `${date} ${start}`;
  if (unit === "year") return date.slice(0, 4);
  if (unit === "month") return date.slice(0, 7);
  if (unit === "quarter") return `${date.slice(0, 4)}-Q${Math.ceil(Number(date.slice(5, 7)) / 3)}`;
  let monday = date;
  if (unit === "week")
    while (new Date(`${monday}T00:00:00Z`).getUTCDay() !== 1) monday = dayBefore(monday);
  return monday;
}

/** All samples of a series, in order of time and arrival, summed up by unit within a window. */
export function holdings(
  samples: readonly RawSample[],
  { sampleType, maxGapUs }: OracleSeries,
  { fromUs, toUs, nameAt }: LocalWindow,
): Map<string, Held> {
  const held = new Map<string, Held>();
  const at = (name: string) => {
    const one = held.get(name) ?? { samples: [], area: 0, coveredUs: 0 };
    held.set(name, one);
    return one;
  };
  for (const sample of samples) {
    if (sample.timeUs < fromUs || sample.timeUs >= toUs) continue;
    at(nameAt(sample.timeUs)).samples.push(sample);
  }
  for (let i = 0; i < samples.length; i++) {
    const p = samples[i]!;
    const q = samples[i + 1];
    const span = (q?.timeUs ?? Number.POSITIVE_INFINITY) - p.timeUs;
    if (sampleType !== SampleType.STEP && span > maxGapUs) continue;
    if (sampleType === SampleType.COUNTER && span === 0 && p.timeUs >= fromUs && p.timeUs < toUs)
      at(nameAt(p.timeUs)).area += Math.max(0, q!.value - p.value);
    const begins = Math.max(fromUs, p.timeUs);
    const ends = Math.min(toUs, p.timeUs + Math.min(span, maxGapUs));
    for (let from = begins; from < ends; ) {
      const to = endOfUnit(from, ends, nameAt);
      const unit = at(nameAt(from));
      unit.coveredUs += to - from;
      unit.area += between(p, q, { from, to, sampleType });
      from = to;
    }
  }
  return held;
}

/**
 * Buckets by name. They must cover the window, and be cut exactly where the name of the unit
 * changes.
 */
export function cutByName<Bucket extends { startTime?: Timestamp; endTime?: Timestamp }>(
  buckets: readonly Bucket[],
  { fromUs, toUs, nameAt }: LocalWindow,
): Map<string, Bucket> {
  const named = new Map<string, Bucket>();
  let edgeUs = fromUs;
  for (const bucket of buckets) {
    const [startUs, endUs] = [toTimeUs(bucket.startTime)!, toTimeUs(bucket.endTime)!];
    expect(startUs).toBe(edgeUs);
    const name = nameAt(startUs);
    expect(nameAt(endUs - 1), `the end of ${name}`).toBe(name);
    if (endUs !== toUs) expect(nameAt(endUs), `the start after ${name}`).not.toBe(name);
    named.set(name, bucket);
    edgeUs = endUs;
  }
  expect(edgeUs).toBe(toUs);
  return named;
}

/** By bisection: the first instant after `from` that has another name, or `ends`. */
export function endOfUnit(from: number, ends: number, nameAt: (timeUs: number) => string): number {
  const name = nameAt(from);
  if (nameAt(ends - 1) === name) return ends;
  let [same, other] = [from, ends - 1];
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    if (nameAt(middle) === name) same = middle;
    else other = middle;
  }
  return other;
}

/**
 * Area in value·seconds from one instant to another between two samples; for a counter, its
 * increase.
 */
export function between(
  p: RawSample,
  q: RawSample | undefined,
  { from, to, sampleType }: { from: number; to: number; sampleType: SampleType },
): number {
  const seconds = (to - from) / 1e6;
  if (q === undefined || sampleType === SampleType.STEP) return p.value * seconds;
  const span = q.timeUs - p.timeUs;
  if (sampleType === SampleType.COUNTER) {
    const up = q.value < p.value ? q.value : q.value - p.value;
    return (Math.max(0, up) * (to - from)) / span;
  }
  const valueAt = (timeUs: number) => p.value + ((q.value - p.value) * (timeUs - p.timeUs)) / span;
  return ((valueAt(from) + valueAt(to)) / 2) * seconds;
}
