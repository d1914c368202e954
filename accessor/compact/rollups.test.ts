// Hours are rolled up when they are over, again when something late changes them, and only then;
// and steps stay small whatever comes.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { hourUs, minuteUs } from "../history/buckets-of-time.ts";
import { summarize } from "../history/summary.ts";
import { readHourRollups } from "../store/hour-rollups.ts";
import { at, column, grid } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const hour = (n: number) => Date.UTC(2026, 0, 6, n) * 1000;
const power = (startUs: number, values: number[]) => ({
  machine: "m",
  samples: [{ ...grid("power", startUs, values), maxGap: { seconds: 1n } }],
});
const state = (timeUs: number, to: MachineState) => ({
  machine: "m",
  stateChanges: [{ time: at(timeUs), state: to }],
});
const hours = (rows: { hour: string }[]) =>
  rows.map(({ hour: us }) => (Number(us) - hour(0)) / hourUs);

/** Hours of day 0 with a current roll-up that were made at this watermark. */
const madeAt = async (watermark: number, table = "rollup_state") =>
  hours(
    await history.query(
      table === "rollup_state"
        ? "select start_us as hour from rollup_state where valid_from = $1 and width_us = 3600000000 and transitions is not null order by 1"
        : "select hour_us as hour from rollup_hour where valid_from = $1 and count is not null order by 1",
      [watermark],
    ),
  );

test("an hour is rolled up once it has been over for a while, by the next step that has commits", async () => {
  const settleUs = 2 * minuteUs;
  const step = async (nowUs: number) => {
    await history.ingest(state(hour(-40), MachineState.IDLE));
    return history.compact({ nowUs: () => nowUs, settleUs });
  };
  await history.ingest(power(hour(3) + minuteUs, [1, 2, 3]));
  expect(await step(hour(4) + settleUs - 1)).toMatchObject({ through: 2, hours: 0 });
  expect(await step(hour(4) + settleUs - 1)).toMatchObject({ hours: 0 });
  expect(await history.compact({ nowUs: () => hour(4) + settleUs, settleUs })).toBeUndefined();
  await step(hour(4) + settleUs);
  expect(await madeAt(4, "rollup_hour")).toEqual([3]);
});

test("a roll-up is the sum of its hour's blocks to the last bit, and a late sample makes a new version of its hour alone", async () => {
  for (const n of [0, 1, 2])
    await history.ingest(power(hour(n) + minuteUs * 7, [0.1, 0.2, 0.3, n]));
  await history.settle();
  expect(await madeAt(4, "rollup_hour")).toEqual([0, 1, 2]);
  await history.ingest(power(hour(1) + minuteUs * 7 - 10_000, [9]));
  await history.settle();
  expect(await madeAt(6, "rollup_hour")).toEqual([1]);
  const [row] = await history.query<{ count: string; sum: number; max: number; integral: number }>(
    "select count, sum, max, integral from rollup_hour where hour_us = $1 and valid_from = 6",
    [hour(1)],
  );
  const values = Float64Array.of(9, 0.1, 0.2, 0.3, 1);
  const whole = summarize(
    {
      timesUs: Float64Array.from(values, (_, i) => hour(1) + minuteUs * 7 + (i - 1) * 10_000),
      values,
    },
    { maxGapUs: 1_000_000, sampleType: SampleType.UNSPECIFIED },
  );
  expect({ ...row, count: Number(row!.count) }).toEqual({
    count: 5,
    sum: whole.sum.high,
    max: 9,
    integral: whole.integral.high,
  });
});

test("a year of roll-ups, read in two statements, is every hour once and in order", async () => {
  await history.ingest(power(hour(0), [1]));
  await history.settle();
  const count = 8_760;
  const [known] = await history.query<{ id: number }>("select min(series_id) as id from block");
  await history.query(
    `insert into rollup_hour (valid_from, hour_us, first_us, last_us, min_us, max_us, covered_us, count, sum, min, max, first, last, integral,
       series_id)
     select 1, us, us, us, us, us, 0, 1, n, n, n, n, n, 0, $2::int4
     from generate_series(1, $1::int4) n, lateral (select $3::int8 + n * 3600000000::int8 as us) hour`,
    [count, known!.id, hour(0)],
  );
  const whole = {
    series: { id: known!.id, staleThrough: -1 },
    fromUs: hour(1),
    toUs: hour(1 + count),
    watermark: 1,
  };
  const values = async (range: { fromUs?: number; toUs?: number }) =>
    (await readHourRollups(history.database, { ...whole, ...range }, {})).map(
      ({ hourUs: us, summary }) => {
        expect(us).toBe(hour(summary.sum.high));
        return summary.sum.high;
      },
    );
  const from = (first: number, end: number) =>
    Array.from({ length: end - first }, (_, i) => first + i);
  expect(await values({})).toEqual(from(1, 1 + count));
  // The middle just before, at and just after the beginning of an hour.
  for (const offUs of [-1, 0, 1])
    expect(await values({ toUs: hour(4_001) + 2 * offUs })).toEqual(
      from(1, offUs > 0 ? 4_002 : 4_001),
    );
});

test("a late sample changes the energy of the hour before it as well, where its line begins", async () => {
  await history.ingest(power(hour(1) - 500_000, [10]));
  await history.ingest(power(hour(1) + 10_000_000, [10]));
  await history.settle();
  const energy = async () => {
    const rows = await history.query<{ joules: number }>(
      `select (select sum(x) from unnest(integral) x) as joules from rollup_state
       where width_us = 3600000000 and start_us = $1 order by valid_from desc limit 1`,
      [hour(0)],
    );
    return rows.map(({ joules }) => joules);
  };
  expect(await energy()).toEqual([0]);
  await history.ingest(power(hour(1) + 300_000, [10]));
  await history.settle();
  expect(await energy()).toEqual([5]);
});

test("a late state change rolls up again every hour that it governs, up to the next change", async () => {
  await history.ingest(state(hour(0), MachineState.IDLE));
  for (let n = 0; n < 8; n++) await history.ingest(power(hour(n), [5, 5]));
  await history.ingest(state(hour(5) + 1, MachineState.OFF));
  await history.settle();
  await history.ingest(state(hour(2) + 30 * minuteUs, MachineState.ACTIVE));
  await history.settle();
  expect(await madeAt(13)).toEqual([2, 3, 4, 5]);
  const [totals] = await history.query(
    "select time_us, transitions from rollup_state where valid_from = 13 and width_us = 3600000000 and start_us = $1",
    [hour(2)],
  );
  expect(totals).toEqual({
    time_us: ["0", String(30 * minuteUs), String(30 * minuteUs), "0", "0"],
    transitions: 1,
  });
});

test("a commit that ends a state cuts what an earlier commit of a later step governs at its own watermark only", async () => {
  await history.ingest(state(hour(0), MachineState.IDLE));
  for (let n = 0; n < 6; n++) await history.ingest(power(hour(n), [5]));
  await history.settle();
  await history.ingest(state(hour(1), MachineState.ACTIVE));
  await history.ingest(state(hour(2), MachineState.IDLE));
  // Only the first of the two: as of it, the machine is active to the end.
  await history.compact({ maxRows: 1, maxRollups: 1 });
  const [{ current }] = (await history.query(
    `select count(*)::int as current from rollup_state where valid_from = 9 and width_us = 3600000000 and transitions is null`,
  )) as [{ current: number }];
  expect(current).toBe(5);
});

test("two changes far apart in one batch do not make all the hours between them due", async () => {
  await history.ingest({
    machine: "m",
    stateChanges: [
      { time: at(hour(0)), state: MachineState.IDLE },
      { time: at(hour(24 * 300)), state: MachineState.OFF },
    ],
  });
  await history.compact({ nowUs: () => hour(0) });
  expect(await history.query("select count(*)::int as due from rollup_state_due")).toEqual([
    { due: 2 },
  ]);
});

test("hours of machines are rolled up as time allows, and a step says that more are due", async () => {
  for (let n = 0; n < 4; n++) await history.ingest(power(hour(n) + minuteUs, [1, 2]));
  await history.compactAll({ maxRollups: 0 });
  const seen: [number[], boolean][] = [];
  for (let revision = 5; revision <= 8; revision++) {
    await history.ingest({ ...state(hour(0), MachineState.IDLE), machine: "other" });
    const { moreHours } = (await history.compact({ maxRollUpMs: -1 }))!;
    seen.push([await madeAt(revision), moreHours]);
  }
  expect(seen).toEqual([
    [[0], true],
    [[1], true],
    [[2], true],
    [[3], false],
  ]);
});

test("a commit larger than a step is taken alone and whole", async () => {
  const wide = Array.from({ length: 60 }, (_, i) => column(`s${i}`, [[hour(1), i]]));
  await history.ingest(power(hour(0), [1]));
  await history.ingest({ machine: "m", samples: wide });
  await history.ingest(power(hour(0) + 10_000, [1]));
  expect(await history.compact({ maxRows: 7 })).toMatchObject({
    through: 1,
    samples: 1,
    more: true,
  });
  expect(await history.compact({ maxRows: 7 })).toMatchObject({
    through: 2,
    samples: 60,
    more: true,
  });
  expect(await history.compact({ maxRows: 7 })).toMatchObject({
    through: 3,
    samples: 1,
    more: false,
  });
});

test("a step takes as many samples as it may, not as many as pack into so many bytes", async () => {
  for (let i = 0; i < 6; i++)
    await history.ingest(power(hour(0) + i * 20_000_000, new Array<number>(1_000).fill(7)));
  expect(await history.compact({ maxSamples: 2_500 })).toMatchObject({
    samples: 2_000,
    more: true,
  });
});

test("late data scattered over many minutes is worked off in steps that each rewrite little", async () => {
  for (let n = 0; n < 8; n++)
    await history.ingest(power(hour(0) + n * minuteUs, new Array<number>(3_000).fill(n)));
  await history.compactAll();
  for (let n = 0; n < 8; n++) await history.ingest(power(hour(0) + n * minuteUs + 5, [n]));
  const rewritten = [];
  for (
    let step = await history.compact({ maxRewritten: 6_000 });
    step?.samples;
    step = await history.compact({ maxRewritten: 6_000 })
  )
    rewritten.push(step.rewrittenBlocks);
  expect(Math.max(...rewritten)).toBeLessThanOrEqual(2);
  expect(rewritten.reduce((sum, blocks) => sum + blocks, 0)).toBe(8);
});

test("data of many weeks gets its partitions a few at a step, and goes in when all are there", async () => {
  const weeks = Array.from({ length: 5 }, (_, week) =>
    column(`w${week}`, [[hour(-24 * 7 * (week + 50)), week]] as const),
  );
  await history.ingest({ machine: "m", samples: weeks });
  const nowUs = () => hour(-24 * 7 * 50);
  const steps = [];
  for (
    let step = await history.compact({ nowUs, maxPartitions: 2 });
    step;
    step = await history.compact({ nowUs, maxPartitions: 2, maxRollups: 500 })
  )
    steps.push([step.through, step.samples, step.more]);
  expect(steps.slice(0, 3)).toEqual([
    [0, 0, true],
    [0, 0, true],
    [1, 5, false],
  ]);
});

test("crumbs are taken up by what comes after them as by what comes before", async () => {
  // Each step's sample lies before all earlier ones.
  for (let i = 20; i > 0; i--) {
    await history.ingest(power(hour(1) + i * 100_000, [i]));
    await history.compact({ maxRollups: 0 });
  }
  const blocks = await history.query(
    "select count from block b where not exists (select from block_end e where e.block_id = b.block_id)",
  );
  expect(blocks).toEqual([{ count: 20 }]);
});
