// The SQL views of minutes, hours and days of signals that are declared STEP or COUNTER equal a sum
// over stretches between raw samples, and what AggregateSamples answers: with gaps, resets, late
// and equal samples, to the newest commit, before hours are rolled up and after.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { AggregateSamplesRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import type { Bucket } from "#gen/millrace/v1/summary_pb.ts";
import { createDraw, type Draw } from "../../codec/testing/column-kinds.ts";
import { toDuration } from "../../codec/timestamps.ts";
import { at, column } from "../testing/batches.ts";
import { quiet, TestHistory, unaborted } from "../testing/history.ts";
import { Restating } from "./restate.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
  await history.query("set timezone to 'UTC'; set random_page_cost to default");
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const [secondUs, minuteUs, hourUs, dayUs] = [1e6, 6e7, 3.6e9, 8.64e10] as const;
const widths = { minute: minuteUs, hour: hourUs, day: dayUs } as const;
type View = keyof typeof widths;
const views = Object.keys(widths) as View[];
const { STEP, COUNTER } = SampleType;

type Sample = readonly [timeUs: number, value: number];
type Row = { startUs: number; count: number; area: number; coveredUs: number };

/** The newest commit of the history: its revision and time. */
async function newest(): Promise<{ revision: number; us: number }> {
  const [row] = await history.query<{ revision: string; us: string }>(
    `select revision, to_us(min(committed_at)) as us from receipt
     where revision = (select max(revision) from watermark) group by revision`,
  );
  return { revision: Number(row!.revision), us: Number(row!.us) };
}

type Declared = { type: SampleType; maxGapUs: number };

/** Each stretch between samples has one slope; buckets take their parts of it. */
function byStretch(
  samples: readonly Sample[],
  { type, maxGapUs }: Declared,
  { widthUs, endUs }: { widthUs: number; endUs: number },
): Row[] {
  const rows = new Map<number, Row>();
  const rowAt = (n: number) => {
    const row = rows.get(n) ?? { startUs: n * widthUs, count: 0, area: 0, coveredUs: 0 };
    rows.set(n, row);
    return row;
  };
  for (const [i, [us, value]] of samples.entries()) {
    rowAt(Math.floor(us / widthUs)).count++;
    const next = samples[i + 1];
    const untilUs = next?.[0] ?? endUs;
    const reached = type === STEP || (next !== undefined && untilUs - us <= maxGapUs);
    const toUs = reached ? Math.min(untilUs, us + maxGapUs) : us;
    const increase =
      next === undefined ? 0 : next[1] < value ? Math.max(0, next[1]) : next[1] - value;
    if (type === COUNTER && untilUs === us)
      rowAt(Math.floor(us / widthUs)).area += Math.max(0, next![1] - value);
    const perUs = type === STEP ? value / 1e6 : increase / (untilUs - us);
    for (let n = Math.floor(us / widthUs); n * widthUs < toUs; n++) {
      const partUs = Math.min(toUs, (n + 1) * widthUs) - Math.max(us, n * widthUs);
      if (partUs <= 0) continue;
      rowAt(n).area += perUs * partUs;
      rowAt(n).coveredUs += partUs;
    }
  }
  return [...rows.values()].sort((a, b) => a.startUs - b.startUs);
}

async function ofView(view: View, where = "true"): Promise<Row[]> {
  const rows = await history.query<Record<string, string | number | null>>(
    `select to_us(time) as us, count, integral, increase, rate, kwh, covered_seconds as covered, sample_type as type
     from millrace_v1.samples_${view} where machine = 'm' and signal = 'power' and ${where} order by time`,
  );
  return rows.map(({ us, count, integral, increase, rate, kwh, covered, type }) => {
    const area = type === "COUNTER" ? increase : integral;
    const seconds = covered as number;
    if (type === "COUNTER") {
      expect([integral, kwh]).toEqual([null, null]);
      expect(rate).toEqual(seconds > 0 ? (area as number) / seconds : null);
    } else {
      expect([increase, rate]).toEqual([null, null]);
      expect(kwh).toEqual(seconds > 0 ? (area as number) / 3.6e6 : null);
    }
    return {
      startUs: Number(us),
      count: Number(count),
      area: Number(area),
      coveredUs: Math.round(seconds * 1e6),
    };
  });
}

/** The buckets of AggregateSamples that have anything in them, to the newest commit. */
async function ofService(
  view: View,
  { fromUs, toUs }: { fromUs: number; toUs: number },
): Promise<Row[]> {
  const { revision, us } = await newest();
  const { service, context } = history.serviceAt(revision, us);
  const request = create(AggregateSamplesRequestSchema, {
    machines: ["m"],
    signals: ["power"],
    startTime: at(fromUs),
    endTime: at(toUs),
    resolution: { case: "width", value: toDuration(widths[view]) },
  });
  const { series } = await service.aggregateSamples(request, context);
  return (series![0]!.buckets as Bucket[])
    .map(({ startTime, endTime, count, integral, increase, coverage }) => {
      const [startUs, endUs] = [startTime!, endTime!].map(
        ({ seconds, nanos }) => Number(seconds) * 1e6 + nanos / 1e3,
      );
      const coveredUs = Math.round(coverage * (endUs! - startUs!));
      return { startUs: startUs!, count: Number(count), area: increase ?? integral, coveredUs };
    })
    .filter(({ count, coveredUs }) => count > 0 || coveredUs > 0);
}

/** To rounding. */
const close = (rows: readonly Row[]) =>
  rows.map((row) => ({
    ...row,
    area: expect.closeTo(
      row.area,
      9 - Math.ceil(Math.log10(Math.abs(row.area) + row.coveredUs / 1e3 + 1)),
    ),
  }));

async function expectAll(samples: readonly Sample[], declared: Declared): Promise<void> {
  const sorted = samples.toSorted(([a], [b]) => a - b);
  const { us: endUs } = await newest();
  const dayOf = (us: number) => Math.floor(us / dayUs) * dayUs;
  const window = {
    fromUs: dayOf(sorted[0]![0]),
    toUs: dayOf(sorted.at(-1)![0] + declared.maxGapUs) + dayUs,
  };
  for (const view of views) {
    const rows = await ofView(view);
    expect(rows).toEqual(close(byStretch(sorted, declared, { widthUs: widths[view], endUs })));
    expect(rows).toEqual(close(await ofService(view, window)));
    // A part of it is the same rows: those without a sample too.
    const some = [
      ...rows.filter(({ count }) => count === 0).slice(-2),
      ...rows.slice(-2),
      ...rows.slice(3, 4),
    ];
    for (const row of some) {
      const where = `time >= from_us(${row.startUs}) and time < from_us(${row.startUs + widths[view]})`;
      expect(await ofView(view, where)).toEqual([row]);
    }
  }
}

/**
 * To about now; now and then nothing for a while, or several at one time; a counter that resets.
 */
function drawSamples({ type, stepUs, maxGapUs, count }: Declared & Cadence, draw: Draw): Sample[] {
  let timeUs = 0;
  let value = 100;
  const samples = Array.from({ length: count }, (): Sample => {
    const kind = draw();
    if (kind < 0.06) timeUs += 0;
    else if (kind < 0.12) timeUs += maxGapUs + (draw() < 0.5 ? 0 : 1);
    else if (kind < 0.16) timeUs += Math.floor(maxGapUs * (1 + 3 * draw()));
    else timeUs += Math.floor(stepUs * (draw() < 0.5 ? 1 : 0.5 + draw()));
    if (type === COUNTER)
      value = draw() < 0.05 ? Math.round(draw() * 10) - 2 : value + Math.round(draw() * 1e3) / 10;
    else value = Math.round((draw() - 0.3) * 1e6) / 1e3;
    return [timeUs, value];
  });
  const shiftUs = Date.now() * 1000 - timeUs - Math.floor(draw() * stepUs);
  return samples.map(([us, of]) => [us + shiftUs, of]);
}

type Cadence = { name: string; stepUs: number; maxGapUs: number; count: number };
const cadences: Cadence[] = [
  { name: "0.3 s", stepUs: 300_000, maxGapUs: secondUs, count: 900 },
  { name: "20 s", stepUs: 20 * secondUs, maxGapUs: minuteUs, count: 400 },
  { name: "10 min", stepUs: 10 * minuteUs, maxGapUs: 100 * minuteUs, count: 60 },
  { name: "9 h", stepUs: 9 * hourUs, maxGapUs: dayUs, count: 8 },
];
const cases = cadences.flatMap((cadence) =>
  [STEP, COUNTER].map((type) => ({
    ...cadence,
    type,
    of: `${type === STEP ? "STEP" : "COUNTER"} every ${cadence.name}`,
  })),
);

test.each(cases)(
  "minutes, hours and days of a $of are as AggregateSamples has them",
  async (one) => {
    const draw = createDraw(one.count + one.type);
    const batches: Sample[][] = [[], []];
    for (const sample of drawSamples(one, draw)) batches[draw() < 0.7 ? 0 : 1]!.push(sample);
    const declared = { unit: "W", maxGap: toDuration(one.maxGapUs), sampleType: one.type };
    const sent: Sample[] = [];
    for (const [i, samples] of batches.entries()) {
      await history.ingest({
        machine: "m",
        samples: [{ ...column("power", samples), ...declared }],
      });
      for (const sample of samples) sent.push(sample);
      // Due, and then rolled up.
      if (i === 0) await history.compactAll({ maxRollups: 0 });
      else await history.settle();
      await history.tidy();
      await expectAll(sent, one);
    }
  },
);

test("a signal that is corrected to a STEP has no sums of lines", async () => {
  const dayOneUs = Date.UTC(2026, 0, 6) * 1000;
  const samples: Sample[] = [0, 20, 40].map((hour) => [dayOneUs + hour * hourUs, 1000 + hour]);
  await history.ingest({
    machine: "m",
    samples: [{ ...column("power", samples), unit: "W", maxGap: toDuration(20 * hourUs) }],
    stateChanges: [{ time: at(dayOneUs), state: 1 }],
  });
  await history.settle();
  await history.settle();
  await history.tidy();
  const energy = () =>
    history.query("select sum(kwh) as kwh, count(*)::int4 as n from millrace_v1.state_hours");
  const [before] = await energy();
  await history.query(
    "select redeclare(id, null, max_gap_us, null, null, 2::int2, true, null) from series where signal = 'power'",
  );
  await history.tidy();
  for (const view of ["hour", "day"] as const) {
    const rows = await history.query(
      `select integral, kwh, covered_seconds from millrace_v1.samples_${view} where count > 0`,
    );
    expect(new Set(rows.flatMap((row) => Object.values(row)))).toEqual(new Set([null]));
  }
  expect(await energy()).toEqual([{ ...before, kwh: null }]);

  await history.query("update series set redeclared_at = redeclared_at - interval '1 minute'");
  const { database, catalog } = history;
  const restating = new Restating({ database, catalog, log: quiet, abort: unaborted });
  while (await restating.turn());
  await history.settle();
  await history.tidy();
  await expectAll(samples, { type: STEP, maxGapUs: 20 * hourUs });
  expect(await ofView("day")).toHaveLength(3);
});
