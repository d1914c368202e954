// max_gap is inferred where nobody declares it, may be declared later, and counts for all that was
// stored before.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import { Restating } from "../compact/restate.ts";
import { at, column } from "../testing/batches.ts";
import { quiet, TestHistory, unaborted } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const baseUs = Date.UTC(2026, 2, 1) * 1000;
const dayUs = 86_400e6;

const watts = (fromUs: number, stepUs: number, count: number) =>
  column(
    "power",
    Array.from({ length: count }, (_, i) => [fromUs + i * stepUs, 1_000] as const),
  );

async function energyOf(revision: number) {
  const { service, context } = history.serviceAt(revision);
  const window = { machines: ["m"], startTime: at(baseUs), endTime: at(baseUs + dayUs) };
  const { machines } = await service.summarizeMachines(
    create(rpc.SummarizeMachinesRequestSchema, window),
    context,
  );
  const { energyKwh, coverage, maxGap } = machines![0]!.energy!;
  return { kwh: Math.round(energyKwh! * 1e9) / 1e9, coverage, gap: Number(maxGap!.seconds) };
}

const series = async () => {
  const [found] = await history.catalog.select({ machines: ["m"], signals: ["power"] });
  return found!;
};

test("a day of 1,000 W is 24 kWh at any cadence, in one batch or a row at a time", async () => {
  for (const [step, gap] of [
    [60, 300],
    [900, 2_700],
    [3_600, 10_800],
  ] as const) {
    await history.clear();
    const whole = await history.ingest({
      machine: "m",
      samples: [watts(baseUs, step * 1e6, 86_400 / step + 1)],
    });
    expect(await energyOf(whole.revision)).toEqual({ kwh: 24, coverage: 1, gap });
    await history.clear();
    const count = Math.min(60, 86_400 / step + 1);
    let revision = 0;
    for (let i = 0; i < count; i++) {
      ({ revision } = await history.ingest({
        machine: "m",
        samples: [watts(baseUs + i * step * 1e6, 1, 1)],
      }));
      if (i === 1 || i === 20) await history.compactAll();
    }
    const covered = (count - 1) * step;
    expect(await energyOf(revision)).toEqual({
      kwh: Math.round((covered / 3_600) * 1e9) / 1e9,
      coverage: covered / 86_400,
      gap,
    });
  }
});

test("quarter hours sent newest first, one at a time, give their energy", async () => {
  let revision = 0;
  for (let i = 8; i >= 0; i--)
    ({ revision } = await history.ingest({
      machine: "m",
      samples: [watts(baseUs + i * 900e6, 1, 1)],
    }));
  expect(await energyOf(revision)).toMatchObject({ kwh: 2, gap: 2_700 });
});

test("columns of one batch teach a rhythm together, whichever of them declares the unit", async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    await history.clear();
    const both = [watts(baseUs, 1, 1), { ...watts(baseUs + 900e6, 1, 1), unit: "W" }];
    const { revision } = await history.ingest({
      machine: "m",
      samples: order.map((i) => both[i]!),
    });
    expect(await series()).toMatchObject({ maxGapUs: 2_700e6, unit: "W" });
    expect(await energyOf(revision)).toMatchObject({ kwh: 0.25 });
  }
});

test("what a later column declares holds, once, whatever was inferred", async () => {
  const samples = { ...watts(baseUs, 10e6, 30), unit: "W" };
  await history.ingest({ machine: "m", samples: [samples] });
  expect(await series()).toMatchObject({ maxGapUs: 30e6, unit: "W" });
  const declared = { ...watts(baseUs + 1e9, 10e6, 2), maxGap: { seconds: 1_200n } };
  await history.ingest({ machine: "m", samples: [declared] });
  expect(await series()).toMatchObject({ maxGapUs: 1_200e6, rhythm: undefined });
  const other = { ...watts(baseUs + 2e9, 10e6, 2), maxGap: { seconds: 5n } };
  await expect(history.ingest({ machine: "m", samples: [other] })).rejects.toThrow(
    "not taken whole",
  );
});

test("a max_gap that is corrected counts for blocks and roll-ups of before, at once and when all is restated", async () => {
  // A quarter-hour meter that says it sends each second: nothing is covered.
  const wrong = { ...watts(baseUs, 900e6, 97), maxGap: { seconds: 1n } };
  await history.ingest({ machine: "m", samples: [wrong] });
  const settled = await history.settle();
  expect(await energyOf(settled)).toEqual({ kwh: 0, coverage: 0, gap: 1 });
  const [{ rollups }] = (await history.query(
    "select count(*) as rollups from rollup_hour where count is not null",
  )) as [{ rollups: string }];
  expect(Number(rollups)).toBeGreaterThan(20);

  const meter = await series();
  expect(
    await history.catalog.redeclare(
      meter,
      { maxGapUs: 1_200e6, rhythm: undefined },
      { force: true },
    ),
  ).toBe(true);
  expect(await energyOf(settled)).toEqual({ kwh: 24, coverage: 1, gap: 1_200 });

  // As long as other processes may not know of it, nothing is touched.
  const restating = new Restating({ ...history, log: quiet, abort: unaborted });
  expect(await restating.turn()).toBe(false);
  await history.query("update series set redeclared_at = redeclared_at - interval '1 minute'");
  while (await restating.turn());
  expect((await series()).staleThrough).toBe(-1);
  const sums = await history.query("select sum(covered_us) as us from block where series_id = $1", [
    meter.id,
  ]);
  expect(sums).toEqual([{ us: "0" }]);
  expect(await energyOf(settled)).toEqual({ kwh: 24, coverage: 1, gap: 1_200 });
  // And once more from new roll-ups.
  const again = await history.settle();
  expect(await energyOf(again)).toEqual({ kwh: 24, coverage: 1, gap: 1_200 });
});

test("another process learns of a changed declaration", async () => {
  await history.ingest({ machine: "m", samples: [watts(baseUs, 1e6, 2)] });
  const { Catalog } = await import("../store/catalog.ts");
  const other = new Catalog(history.database);
  const [known] = await other.select({ machines: [], signals: [] });
  expect(known).toMatchObject({ maxGapUs: 5e6 });
  await history.catalog.redeclare(
    await series(),
    { unit: "kW", maxGapUs: 7e6, rhythm: undefined },
    { force: true },
  );
  await other.follow();
  expect(known).toMatchObject({ maxGapUs: 7e6, unit: "kW" });
});
