// Rows of samples have the current unit of their series, on pages and among latest values.
// Correcting a unit changes the version of every page, also of a page that no commit changes.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import { at, column, epochUs } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());

const samplesOf = (signal: string, unit: string) => ({
  ...column(
    signal,
    Array.from({ length: 20 }, (_, i) => [epochUs + i * 1e6, i] as const),
  ),
  unit,
});

test("as declared now, from the log and from blocks, in pages and latest values; in their versions too", async () => {
  const stateChanges = [{ time: at(epochUs), state: MachineState.ACTIVE }];
  await history.ingest({
    machine: "a",
    samples: [samplesOf("power", "kW"), samplesOf("oil", "")],
    stateChanges,
  });
  const { revision } = await history.ingest({ machine: "b", samples: [samplesOf("power", "")] });
  const { service, context } = history.serviceAt(revision);
  const asking = (init: object) =>
    create(rpc.QuerySignalsRequestSchema, { signal: "power", pageSize: 30, ...init });
  const page = async (init: object = {}) => service.querySignals(asking(init), context);
  const unitsOf = (rows: readonly { machine?: string; signal?: string; unit?: string }[]) =>
    [...new Set(rows.map(({ machine, signal, unit }) => `${machine} ${signal} ${unit}`))].sort();
  const latest = async () =>
    (await service.getLatest(create(rpc.GetLatestRequestSchema), context)).signals!;
  const versionOf = async (init: object = {}) => {
    const query = { case: "querySignals" as const, value: asking(init) };
    return (await service.getVersion(create(rpc.GetVersionRequestSchema, { query }), context))
      .version!;
  };

  for (const compacted of [false, true]) {
    if (compacted) await history.compactAll();
    expect(unitsOf((await page()).signals!)).toEqual(["a power kW", "b power "]);
    expect(unitsOf(await latest())).toEqual(["a oil ", "a power kW", "a state ", "b power "]);
  }

  const { nextPageToken: pageToken } = await page();
  const known = [await versionOf(), await versionOf({ pageToken })];
  expect([await versionOf(), await versionOf({ pageToken })]).toEqual(known);
  const [series] = await history.catalog.select({ machines: ["b"], signals: ["power"] });
  await history.catalog.redeclare(
    series!,
    { unit: "W", maxGapUs: 1e6, rhythm: undefined },
    { force: true },
  );
  expect(unitsOf((await page({ pageToken })).signals!)).toEqual(["a power kW", "b power W"]);
  expect(unitsOf(await latest())).toContain("b power W");
  const now = [await versionOf(), await versionOf({ pageToken })];
  for (const [i, version] of now.entries()) expect(version).not.toBe(known[i]);
});
