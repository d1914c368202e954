// Samples that are stored but will not give what their sender may expect: a word with the answer,
// once, and no more than anybody reads.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WarningReason } from "#gen/millrace/v1/ingest_service_pb.ts";
import { Duplicates, SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { unknownRhythm } from "../history/infer-gap.ts";
import type { Series } from "../store/series.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { type BatchInit, column, epochUs, Producer, type SamplesInit } from "../testing/batches.ts";
import { maxWarnings, warningsOf } from "./warnings.ts";

const { LINEAR, STEP, COUNTER } = SampleType;
const { NOT_COVERED, NO_ENERGY } = WarningReason;
const s = 1_000_000;
const gap = (seconds: number) => ({ maxGap: { seconds: BigInt(seconds) } });

const seriesOf = (declared: Partial<Series>): Series => ({
  id: 1,
  machineId: 1,
  machine: "m",
  signal: "heat",
  kind: SignalKind.NUMERIC,
  unit: "",
  maxGapUs: 60 * s,
  duplicates: Duplicates.UNSPECIFIED,
  sampleType: LINEAR,
  rhythm: undefined,
  staleThrough: -1,
  bucketUs: undefined,
  ...declared,
});

const reasonsOf = (declared: Partial<Series>, timesUs: readonly number[]) => {
  const column = { timesUs: Float64Array.from(timesUs), values: new Float64Array(timesUs.length) };
  return warningsOf(new Map([[seriesOf(declared), { position: 4, column }]])).map(
    ({ reason }) => reason,
  );
};

const anyTimes = fc
  .array(fc.integer({ min: 0, max: 300 }), { maxLength: 8 })
  .map((times) => times.sort((a, b) => a - b));

test("a column is warned of exactly when it has different times and none of its neighbours is covered", () => {
  fc.assert(
    fc.property(
      anyTimes,
      fc.integer({ min: 1, max: 100 }),
      fc.constantFrom(LINEAR, COUNTER),
      (times, maxGapUs, sampleType) => {
        const distances = times.slice(1).map((time, i) => time - times[i]!);
        const isCovered = distances.some((distance) => distance > 0 && distance <= maxGapUs);
        const isSpread = new Set(times).size > 1;
        expect(reasonsOf({ maxGapUs, sampleType }, times)).toEqual(
          isSpread && !isCovered ? [NOT_COVERED] : [],
        );
      },
    ),
  );
});

test("a value that holds is covered by itself", () => {
  expect(reasonsOf({ sampleType: STEP }, [0, 600 * s, 6_000 * s])).toEqual([]);
});

test("power has energy in watts only", () => {
  for (const unit of ["", "W", "kW", "mW", "J/s"])
    expect(reasonsOf({ signal: "power", unit }, [0])).toEqual([]);
  for (const unit of ["VA", "hp", "kWh"])
    expect(reasonsOf({ signal: "power", unit }, [0])).toEqual([NO_ENERGY]);
  expect(reasonsOf({ signal: "power", unit: "W", sampleType: COUNTER }, [0])).toEqual([NO_ENERGY]);
  expect(reasonsOf({ signal: "power", unit: "W", sampleType: STEP }, [0])).toEqual([]);
  expect(reasonsOf({ signal: "power_2", unit: "VA", sampleType: COUNTER }, [0])).toEqual([]);
});

test("the text says what is apart, what bridges it, and the cure; as few texts as people read", () => {
  const far = { timesUs: Float64Array.of(0, 900 * s, 1_810 * s), values: Float64Array.of(1, 2, 3) };
  const textOf = (declared: Partial<Series>) =>
    warningsOf(new Map([[seriesOf(declared), { position: 0, column: far }]]))[0]!.message;
  const volts = { signal: "power", unit: "VA", maxGapUs: 3_600 * s };
  expect(textOf({})).toContain('"heat" are at least 900s apart, more than its max_gap of 60s');
  for (const cure of [
    "RedeclareSignal",
    "PATCH /machines/{machine}/signals/{signal}",
    "npx millrace redeclare",
  ])
    for (const text of [textOf({}), textOf(volts), textOf({ ...volts, sampleType: COUNTER })])
      expect(text).toContain(cure);
  expect(textOf({ rhythm: unknownRhythm })).toContain("send max_gap");
  const many = new Map(
    Array.from({ length: 1_000 }, (_, i) => [
      seriesOf({ signal: `s${i}` }),
      { position: i, column: far },
    ]),
  );
  const warnings = warningsOf(many);
  expect(warnings.map(({ column: at }) => at)).toEqual(
    Array.from({ length: maxWarnings }, (_, i) => i),
  );
  for (const { message } of warnings) expect(message.length).toBeLessThan(400);
});

test("samples that no max_gap bridges are not told to send one; those of a day apart are", () => {
  const textOf = (apartUs: number, rhythm?: typeof unknownRhythm) => {
    const column = { timesUs: Float64Array.of(0, apartUs), values: Float64Array.of(1, 2) };
    return warningsOf(new Map([[seriesOf({ rhythm }), { position: 0, column }]]))[0]!.message;
  };
  const dayUs = 86_400 * s;
  for (const rhythm of [undefined, unknownRhythm]) {
    expect(textOf(dayUs + 1, rhythm)).toMatch(/No max_gap bridges that: it is at most 24 h$/);
    expect(textOf(dayUs, rhythm)).toMatch(/If they belong together, (send|correct) max_gap/);
  }
});

describe("with an accessor", () => {
  let accessor: TestAccessor;
  beforeAll(async () => {
    accessor = await openTestAccessor();
  });
  afterAll(() => accessor[Symbol.asyncDispose]());

  const far = (signal: string, declared: SamplesInit = {}): SamplesInit => ({
    ...column(signal, [
      [epochUs, 1],
      [epochUs + 900 * s, 2],
    ]),
    ...declared,
  });
  const odd: BatchInit = {
    machine: "odd",
    samples: [
      far("heat", gap(2_700)),
      far("power", { unit: "VA", ...gap(60) }),
      far("valve", { sampleType: STEP, ...gap(60) }),
      far("flow", gap(60)),
      // Of the same signal, and beside it: both together are covered.
      column("heat", [[epochUs + 30 * s, 3]]),
    ],
  };
  const toldOf = [
    [1, NOT_COVERED],
    [1, NO_ENERGY],
    [3, NOT_COVERED],
  ];

  test("told with the answer of a batch that is stored whole, and not of one that comes again", async () => {
    const send = async () =>
      (await accessor.ingest.ingestBatch({ producerId: "one", sequence: 1n, batch: odd })).result!;
    const first = await send();
    expect(first.warnings.map((warning) => [warning.column, warning.reason])).toEqual(toldOf);
    expect(first).toMatchObject({ duplicate: false, verdicts: [] });
    expect(first.refusal).toBeUndefined();
    expect(await send()).toMatchObject({ duplicate: true, verdicts: [], warnings: [] });
    expect(
      await accessor.query("select count(*)::int as n from receipt where result is not null"),
    ).toEqual([{ n: 0 }]);
  });

  test("a stream's ack names the batch; one that is not odd goes unnamed", async () => {
    await using producer = await Producer.open(accessor.ingest, "streamed");
    producer.send(1, { machine: "fine", samples: [far("heat", gap(1_000))] });
    producer.send(2, { ...odd, machine: "odd-2" });
    producer.send(3, { machine: "fine", samples: [far("heat")] });
    const results = (await producer.acksThrough(3)).flatMap((ack) => ack.results);
    expect(results.map(({ sequence }) => sequence)).toEqual([2n]);
    expect(results[0]!.warnings.map((warning) => [warning.column, warning.reason])).toEqual(toldOf);
  });

  test("beside verdicts, which a batch that comes again is told once more", async () => {
    const batch = {
      machine: "both",
      samples: [
        column("heat", [
          [epochUs, 1],
          [epochUs + 10 * s, Number.NaN],
          [epochUs + 900 * s, 2],
        ]),
      ].map((one) => ({ ...one, ...gap(60) })),
    };
    const send = async () =>
      (await accessor.ingest.ingestBatch({ producerId: "two", sequence: 1n, batch })).result!;
    const first = await send();
    expect(first.verdicts).toHaveLength(1);
    expect(first.warnings.map(({ reason }) => reason)).toEqual([NOT_COVERED]);
    const again = await send();
    expect([again.duplicate, again.verdicts.length, again.warnings.length]).toEqual([true, 1, 0]);
  });
});

test("a max_gap that is declared below the distances of what is stored already is told of", async () => {
  await using accessor = await openTestAccessor();
  let sequence = 0n;
  const send = async (machine: string, samples: SamplesInit) => {
    const batch = { machine, samples: [samples] };
    const { result } = await accessor.ingest.ingestBatch({
      producerId: "w",
      sequence: ++sequence,
      batch,
    });
    expect(result!.verdicts).toEqual([]);
    return result!.warnings.map(({ reason, message }) => [reason, message] as const);
  };
  const hourly = Array.from({ length: 24 }, (_, i) => [epochUs + i * 3_600 * s, 1] as const);
  const one = column("heat", hourly.slice(0, 1));
  for (const [i, [count, seconds, warned]] of [
    [1, 1, false],
    [2, 1, true],
    [24, 3_599, true],
    [24, 3_600, false],
  ].entries() as IterableIterator<[number, [number, number, boolean]]>) {
    expect(await send(`m${i}`, column("heat", hourly.slice(0, count)))).toEqual([]);
    const warnings = await send(`m${i}`, { ...one, ...gap(seconds) });
    expect(warnings.map(([reason]) => reason)).toEqual(warned ? [NOT_COVERED] : []);
    if (warned)
      expect(warnings[0]![1]).toMatch(/max_gap of \d+s .* at least 3600s apart.*RedeclareSignal/);
    // Said once.
    expect(await send(`m${i}`, { ...one, ...gap(seconds) })).toEqual([]);
  }
});
