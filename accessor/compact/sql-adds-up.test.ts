// The SQL views of minutes, hours and days equal a plain sum over the raw samples, and what
// AggregateSamples answers, for signals of every cadence: with gaps, late and equal samples, before
// hours are rolled up and after.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { AggregateSamplesRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import type { Bucket } from "#gen/millrace/v1/summary_pb.ts";
import { createDraw, type Draw } from "../../codec/testing/column-kinds.ts";
import { toDuration } from "../../codec/timestamps.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
  // As a reader's session has it.
  await history.query("set timezone to 'UTC'; set random_page_cost to default");
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const [secondUs, minuteUs, hourUs, dayUs] = [1e6, 6e7, 3.6e9, 8.64e10] as const;
const widths = { minute: minuteUs, hour: hourUs, day: dayUs } as const;
type View = keyof typeof widths;
const views = Object.keys(widths) as View[];
const dayOneUs = Date.UTC(2026, 0, 6) * 1000;

type Sample = readonly [timeUs: number, value: number];
type Row = {
  startUs: number;
  count: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  first: number | null;
  last: number | null;
  integral: number;
  coveredUs: number;
};

/** From the samples in order, each line walked from edge to edge, its height taken at both ends. */
function bySample(
  samples: readonly Sample[],
  { widthUs, maxGapUs }: { widthUs: number; maxGapUs: number },
): Row[] {
  const buckets = new Map<number, { values: number[]; integral: number; coveredUs: number }>();
  const bucketOf = (timeUs: number) => {
    const startUs = Math.floor(timeUs / widthUs) * widthUs;
    const known = buckets.get(startUs) ?? { values: [], integral: 0, coveredUs: 0 };
    buckets.set(startUs, known);
    return known;
  };
  for (const [i, [timeUs, value]] of samples.entries()) {
    bucketOf(timeUs).values.push(value);
    const [nextUs, next] = samples[i + 1] ?? [Number.POSITIVE_INFINITY, 0];
    if (nextUs - timeUs > maxGapUs) continue;
    const height = (us: number) => value + ((next - value) * (us - timeUs)) / (nextUs - timeUs);
    for (let us = timeUs; us < nextUs; ) {
      const endUs = Math.min(nextUs, (Math.floor(us / widthUs) + 1) * widthUs);
      const bucket = bucketOf(us);
      bucket.integral += ((height(us) + height(endUs)) / 2) * ((endUs - us) / 1e6);
      bucket.coveredUs += endUs - us;
      us = endUs;
    }
  }
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([startUs, { values, integral, coveredUs }]) => ({
      startUs,
      count: values.length,
      min: values.length === 0 ? null : values.reduce((a, b) => Math.min(a, b)),
      max: values.length === 0 ? null : values.reduce((a, b) => Math.max(a, b)),
      mean:
        values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length,
      first: values[0] ?? null,
      last: values.at(-1) ?? null,
      integral,
      coveredUs,
    }));
}

async function ofView(view: View, where = "true"): Promise<Row[]> {
  const rows = await history.query<
    Record<Exclude<keyof Row, "coveredUs"> | "covered_us", string | number | null>
  >(
    `select to_us(time) as "startUs", count, min, max, mean, first, last, integral, round(covered_seconds * 1000000) as covered_us
     from millrace_v1.samples_${view} where machine = 'm' and signal = 'power' and ${where} order by time`,
  );
  return rows.map(({ startUs, count, covered_us, ...rest }) => ({
    ...(rest as Omit<Row, "startUs" | "count" | "coveredUs">),
    startUs: Number(startUs),
    count: Number(count),
    coveredUs: Number(covered_us),
  }));
}

/** The buckets of AggregateSamples that have anything in them. */
async function ofService(
  view: View,
  { fromUs, toUs }: { fromUs: number; toUs: number },
): Promise<Row[]> {
  const [newest] = await history.query<{ revision: string }>(
    "select max(revision) as revision from receipt",
  );
  const { service, context } = history.serviceAt(Number(newest!.revision));
  const request = create(AggregateSamplesRequestSchema, {
    machines: ["m"],
    signals: ["power"],
    startTime: at(fromUs),
    endTime: at(toUs),
    resolution: { case: "width", value: toDuration(widths[view]) },
  });
  const { series } = await service.aggregateSamples(request, context);
  return (series![0]!.buckets as Bucket[])
    .filter(({ count, coverage }) => count > 0n || coverage > 0)
    .map(({ startTime, count, min, max, mean, first, last, integral, coverage }) => ({
      startUs: Number(startTime!.seconds) * 1e6,
      count: Number(count),
      min: min ?? null,
      max: max ?? null,
      mean: mean ?? null,
      first: first ?? null,
      last: last ?? null,
      integral,
      coveredUs: Math.round(coverage * widths[view]),
    }));
}

/** To rounding. */
function close(rows: readonly Row[]) {
  const near = (value: number | null, scale: number) =>
    value === null ? null : expect.closeTo(value, 9 - Math.ceil(Math.log10(Math.abs(scale) + 1)));
  return rows.map((row) => ({
    ...row,
    mean: near(row.mean, 1e3),
    integral: near(row.integral, row.coveredUs / 1e3),
  }));
}

async function expectAll(samples: readonly Sample[], maxGapUs: number): Promise<void> {
  const sorted = samples.toSorted(([a], [b]) => a - b);
  const fromUs = Math.floor(sorted[0]![0] / dayUs) * dayUs;
  const toUs = (Math.floor(sorted.at(-1)![0] / dayUs) + 1) * dayUs;
  for (const view of views) {
    const rows = await ofView(view);
    expect(rows).toEqual(close(bySample(sorted, { widthUs: widths[view], maxGapUs })));
    expect(rows).toEqual(close(await ofService(view, { fromUs, toUs })));
    // A part of it is the same rows.
    const some = rows.filter((_, i) => i % 7 === 3).slice(0, 3);
    for (const row of some) {
      const where = `time >= from_us(${row.startUs}) and time < from_us(${row.startUs + widths[view]})`;
      expect(await ofView(view, where)).toEqual([row]);
    }
  }
}

type Cadence = { name: string; stepUs: number; maxGapUs: number; count: number };
const cadences: Cadence[] = [
  { name: "10 ms", stepUs: 10_000, maxGapUs: secondUs, count: 13_000 },
  { name: "1 s", stepUs: secondUs, maxGapUs: 2 * secondUs, count: 4_000 },
  { name: "10 s", stepUs: 10 * secondUs, maxGapUs: 30 * secondUs, count: 1_500 },
  { name: "60 s", stepUs: minuteUs, maxGapUs: 150 * secondUs, count: 700 },
  { name: "15 min", stepUs: 15 * minuteUs, maxGapUs: 40 * minuteUs, count: 150 },
  { name: "1 h", stepUs: hourUs, maxGapUs: 3 * hourUs, count: 50 },
  { name: "a day", stepUs: 20 * hourUs, maxGapUs: dayUs, count: 6 },
];

/** Near its cadence, now and then nothing for a while, now and then several at one time. */
function drawSamples({ stepUs, maxGapUs, count }: Cadence, draw: Draw): Sample[] {
  let timeUs = dayOneUs + dayUs - Math.floor((count * stepUs * (0.3 + draw() / 2)) / 1000) * 1000;
  return Array.from({ length: count }, () => {
    const kind = draw();
    if (kind < 0.1) timeUs += 0;
    else if (kind < 0.13) timeUs += maxGapUs + (draw() < 0.5 ? 0 : 1);
    else if (kind < 0.15) timeUs += Math.floor(maxGapUs * (1 + 3 * draw()));
    else timeUs += Math.floor(stepUs * (draw() < 0.5 ? 1 : 0.5 + draw()));
    return [timeUs, Math.round((draw() - 0.3) * 1e6) / 1e3] as const;
  });
}

test.each(cadences)(
  "minutes, hours and days of a signal every $name are as AggregateSamples has them",
  async (cadence) => {
    const { maxGapUs } = cadence;
    const draw = createDraw(cadence.count);
    const batches: Sample[][] = [[], [], [], []];
    for (const sample of drawSamples(cadence, draw))
      batches[Math.floor(draw() * 4 * draw())]!.push(sample);
    const sent: Sample[] = [];
    for (const [i, samples] of batches.filter(({ length }) => length > 0).entries()) {
      await history.ingest({
        machine: "m",
        samples: [{ ...column("power", samples), unit: "W", maxGap: toDuration(maxGapUs) }],
      });
      for (const sample of samples) sent.push(sample);
      // Due, rolled up, and due again where late ones came.
      if (i % 2 === 0) await history.compactAll({ maxRollups: 0 });
      else await history.settle();
      await history.tidy();
      if (i < 2) await expectAll(sent, maxGapUs);
    }
    await history.settle();
    await history.tidy({ supersededMs: 0 });
    await expectAll(sent, maxGapUs);
  },
);

test.each([
  ["10 ms", 10_000, secondUs],
  ["1 s", secondUs, 2 * secondUs],
  ["60 s", minuteUs, 3 * minuteUs],
  ["15 min", 15 * minuteUs, hourUs],
  ["1 h", hourUs, 2 * hourUs],
])(
  "1,000 W for a day, a sample every %s, are 24 kWh by minutes, by hours and by days",
  async (_, stepUs, maxGapUs) => {
    // An hour and half a step off: lines cross each edge.
    const atOnceUs = Math.max(stepUs, 10 * minuteUs);
    for (let us = dayOneUs - hourUs; us < dayOneUs + dayUs + hourUs; us += atOnceUs) {
      const length = atOnceUs / stepUs;
      const times = { startUs: BigInt(us + Math.floor(stepUs / 2)), periodUs: BigInt(stepUs) };
      const samples = {
        signal: "power",
        unit: "W",
        maxGap: toDuration(maxGapUs),
        values: Array<number>(length).fill(1000),
      };
      await history.ingest({
        machine: "m",
        samples: [{ ...samples, times: { case: "grid", value: times } }],
      });
    }
    await history.settle();
    for (const view of views) {
      const [row] = await history.query(
        `select sum(kwh) as kwh, 100 * sum(covered_seconds) / 86400 as covered_percent, count(*)::int4 as rows
       from millrace_v1.samples_${view} where signal = 'power' and time >= '2026-01-06' and time < '2026-01-07'`,
      );
      const rows = dayUs / widths[view];
      expect({ view, ...row }).toEqual({
        view,
        kwh: expect.closeTo(24, 9),
        covered_percent: 100,
        rows,
      });
    }
  },
);

test("minutes follow a max_gap that is changed", async () => {
  const cadence = cadences[1]!;
  const samples = drawSamples(cadence, createDraw(5)).toSorted(([a], [b]) => a - b);
  const maxGap = toDuration(cadence.maxGapUs);
  await history.ingest({
    machine: "m",
    samples: [{ ...column("power", samples), unit: "W", maxGap }],
  });
  await history.settle();
  for (const maxGapUs of [40 * minuteUs, 5 * secondUs]) {
    await history.query("update series set max_gap_us = $1 where kind = 3", [maxGapUs]);
    await history.tidy();
    expect(await ofView("minute")).toEqual(
      close(bySample(samples, { widthUs: minuteUs, maxGapUs })),
    );
  }
});

test("a database from before there were days and minutes has them after a while", async () => {
  const sent = cadences.slice(2, 5).map((cadence, i) => {
    const samples = drawSamples(cadence, createDraw(i));
    return {
      ...cadence,
      machine: i === 0 ? "m" : `other-${i}`,
      samples: samples.toSorted(([a], [b]) => a - b),
    };
  });
  for (const { machine, samples, maxGapUs } of sent)
    await history.ingest({
      machine,
      samples: [{ ...column("power", samples), unit: "W", maxGap: toDuration(maxGapUs) }],
    });
  await history.settle();
  await history.query("truncate series_day, kept_minute, kept_minute_day, kept_hour");
  await history.query("insert into series_day_due select id from series where kind = 3");
  expect(await ofView("day")).toEqual([]);
  expect(await ofView("minute")).toEqual([]);
  // Stopped after the first of them.
  await history.query("select note_days_before(1)");
  await history.tidy();
  await expectAll(sent[0]!.samples, sent[0]!.maxGapUs);
  const [left] = await history.query<{ due: number; days: number }>(
    `select (select count(*)::int4 from series_day_due) as due,
       (select count(distinct series_id)::int4 from series_day) as days`,
  );
  expect(left).toEqual({ due: 0, days: 3 });
});
