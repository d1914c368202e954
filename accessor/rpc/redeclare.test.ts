// What a correction of a declaration says and changes, and what it refuses.
import { ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.ts";
import { WarningReason } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { at, type BatchInit, column, epochUs } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";
import { openClients, openKeyFixture } from "../testing/keys.ts";

test("unit and max_gap are corrected by an administrator, for answers about the past too", async () => {
  await using database = await testDatabase();
  await using fixture = await openKeyFixture(
    database.url,
    createLog({ name: "test", level: "silent" }),
  );
  const writer = await fixture.create({ scope: ["write", "read"] });
  const admin = await fixture.create({ scope: ["admin"], machine: ["Presse *"] });
  await using accessor = await openTestAccessor({ databaseUrl: database.url, auth: {} });
  using all = openClients(accessor.port, writer);
  using own = openClients(accessor.port, admin);
  const machine = "Presse é/1";
  const times = [0, 900, 1_800].map((s): [number, number] => [epochUs + s * 1e6, 1]);
  const samples = [{ ...column("power", times), unit: "W", maxGap: { seconds: 1n } }];
  const batch: BatchInit = { machine, samples, stateChanges: [{ time: at(epochUs), state: 1 }] };
  await all.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  await all.ingest.ingestBatch({
    producerId: "p",
    sequence: 2n,
    batch: { ...batch, machine: "mill-1" },
  });
  const energy = async () => {
    const window = { startTime: at(epochUs), endTime: at(epochUs + 1_800e6) };
    const { machines } = await all.signals.summarizeMachines({ machines: [machine], ...window });
    return [machines[0]!.energy!.energyKwh, machines[0]!.energy!.coverage];
  };
  expect(await energy()).toEqual([0, 0]);

  // The other form of é is the same machine.
  const asked = {
    machine: "Presse e\u0301/1",
    signal: "power",
    unit: "kW",
    maxGap: { seconds: 1_200n },
  };
  const { LINEAR, STEP, COUNTER } = SampleType;
  const before = { unit: "W", maxGap: { seconds: 1n }, maxGapInferred: false, sampleType: LINEAR };
  const after = {
    unit: "kW",
    maxGap: { seconds: 1_200n },
    maxGapInferred: false,
    sampleType: LINEAR,
  };
  expect(await own.ingest.redeclareSignal({ ...asked, validateOnly: true })).toMatchObject({
    before,
    after,
  });
  expect(await energy()).toEqual([0, 0]);
  expect(await own.ingest.redeclareSignal(asked)).toMatchObject({ before, after });
  expect(await energy()).toEqual([0.5, 1]);
  const { signals } = await all.signals.listSignals({ machines: [machine] });
  expect(signals.find(({ name }) => name === "power")).toMatchObject({
    units: ["kW"],
    maxGap: { seconds: 1_200n },
  });

  // Without a max_gap, what was declared stays, and what was inferred follows the type.
  const stepped = await own.ingest.redeclareSignal({ machine, signal: "power", sampleType: STEP });
  expect(stepped).toMatchObject({ before: after, after: { ...after, sampleType: STEP } });
  const inferring = [{ ...column("pieces", times), unit: "pcs" }];
  await all.ingest.ingestBatch({
    producerId: "p",
    sequence: 3n,
    batch: { machine, samples: inferring },
  });
  const typed = async (sampleType: SampleType, validateOnly: boolean) =>
    (await own.ingest.redeclareSignal({ machine, signal: "pieces", sampleType, validateOnly }))
      .after;
  const byType = (sampleType: SampleType, seconds: bigint) => ({
    unit: "pcs",
    maxGap: { seconds },
    maxGapInferred: true,
    sampleType,
  });
  expect(await typed(COUNTER, true)).toMatchObject(byType(COUNTER, 86_400n));
  expect(await typed(LINEAR, true)).toMatchObject(byType(LINEAR, 2_700n));
  expect(await typed(COUNTER, false)).toMatchObject(byType(COUNTER, 86_400n));
  expect(await typed(LINEAR, false)).toMatchObject(byType(LINEAR, 2_700n));

  const told = (changes: object) => reasonOf(own.ingest.redeclareSignal({ ...asked, ...changes }));
  expect(await reasonOf(all.ingest.redeclareSignal(asked))).toMatchObject({
    reason: "PERMISSION_DENIED",
  });
  expect(await told({ machine: "mill-1" })).toMatchObject({ reason: "PERMISSION_DENIED" });
  expect(await told({ machine: "Presse 9" })).toMatchObject({ reason: "MACHINE_UNKNOWN" });
  expect(await told({ machine: " " })).toMatchObject({ reason: "MACHINE_NAME_INVALID" });
  expect(await told({ signal: "powr" })).toMatchObject({ reason: "SIGNAL_UNKNOWN" });
  expect(await told({ signal: "state" })).toMatchObject({ reason: "SIGNAL_NOT_NUMERIC" });
  const invalid = { reason: "REQUEST_INVALID" };
  const nothing = own.ingest.redeclareSignal({ ...asked, unit: undefined, maxGap: undefined });
  const error = ConnectError.from(await nothing.catch((failure: unknown) => failure));
  const description = "at least one of unit, max_gap, sample_type and duplicates must be given";
  expect([error.rawMessage, await reasonOf(nothing)]).toEqual([
    description,
    expect.objectContaining(invalid),
  ]);
  expect(error.findDetails(BadRequestSchema)[0]!.fieldViolations).toMatchObject([
    { field: "unit", description },
    { field: "max_gap", description },
    { field: "sample_type", description },
    { field: "duplicates", description },
  ]);
  expect(await told({ maxGap: { seconds: 86_401n } })).toMatchObject(invalid);
  expect(await told({ sampleType: 9 })).toMatchObject(invalid);
  expect(await told({ maxGap: { seconds: 0n } })).toMatchObject(invalid);
  expect(await told({ unit: "x".repeat(33) })).toMatchObject(invalid);
});

test("a correction that takes energy from power says so, tried or done; a unit loses its blanks", async () => {
  await using accessor = await openTestAccessor();
  const samples = ["power", "heat"].map((signal) => ({
    ...column(signal, [[epochUs, 1]]),
    unit: "W",
  }));
  await accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: 1n,
    batch: { machine: "m", samples },
  });
  const { COUNTER, LINEAR } = SampleType;
  const change = async (changes: object) => {
    const { after, warnings } = await accessor.ingest.redeclareSignal({
      machine: "m",
      signal: "power",
      ...changes,
    });
    return [after!.unit, ...warnings.flatMap(({ reason, message }) => [reason, message])];
  };
  const noWatts = [
    "VA",
    WarningReason.NO_ENERGY,
    expect.stringMatching(/^"power" in "VA" gives no energy/),
  ];
  expect(await change({ unit: "VA", validateOnly: true })).toEqual(noWatts);
  expect(await change({ unit: " VA\t" })).toEqual(noWatts);
  const counted = ["kW", WarningReason.NO_ENERGY, expect.stringMatching(/COUNTER/)];
  expect(await change({ unit: "kW ", sampleType: COUNTER, validateOnly: true })).toEqual(counted);
  expect(await change({ unit: "kW ", sampleType: COUNTER })).toEqual(counted);
  expect(await change({ sampleType: LINEAR })).toEqual(["kW"]);
  expect(await change({ unit: " " })).toEqual([""]);
  expect(await change({ signal: "heat", unit: "VA", sampleType: COUNTER })).toEqual(["VA"]);
});
