// A unit is declared by the first samples that name one, and then stays.
import { expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { column, epochUs, type SamplesInit } from "../testing/batches.ts";

test("samples without a unit leave it to later ones to declare it, on every accessor", async () => {
  await using first = await openTestAccessor();
  await using second = await openTestAccessor({ databaseUrl: first.databaseUrl });
  let sequence = 0n;
  const send = async (accessor: typeof first, unit: string) => {
    const samples = [{ ...column("power", [[epochUs + Number(sequence), 1]]), unit }];
    const batch = { machine: "mill-1", samples };
    const { result } = await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: ++sequence,
      batch,
    });
    return result!.verdicts.map(({ reason }) => reason);
  };
  expect(await send(first, "")).toEqual([]);
  expect(await send(second, "")).toEqual([]);
  expect(await send(first, "W")).toEqual([]);
  expect(await send(first, "kW")).toEqual([ErrorReason.SIGNAL_DECLARATION_MISMATCH]);
  // The second one knew the series when it had no unit.
  expect(await send(second, "kW")).toEqual([ErrorReason.SIGNAL_DECLARATION_MISMATCH]);
  expect(await send(second, "W")).toEqual([]);
  expect((await first.signals.listSignals({})).signals[0]!.units).toEqual(["W"]);
});

test("white space at the ends of a unit is no part of it; a batch that comes again is the same", async () => {
  await using accessor = await openTestAccessor();
  const send = async (sequence: number, unit: string, machine: string) => {
    const samples = [{ ...column("power", [[epochUs + sequence, 1]]), unit }];
    const batch = { machine, samples };
    const { result } = await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: BigInt(sequence),
      batch,
    });
    return [result!.duplicate, ...result!.verdicts, ...result!.warnings, result!.refusal];
  };
  const unitsOf = async (machine: string) =>
    (await accessor.signals.listSignals({ machines: [machine] })).signals[0]!.units;
  const forms = ["kW ", " kW", "\tkW\r\n", "\u00a0kW\u3000", `${" ".repeat(40)}kW`, "kW"];
  for (const [i, form] of forms.entries()) {
    expect(await send(2 * i + 1, form, `m${i}`), JSON.stringify(form)).toEqual([false, undefined]);
    expect(await send(2 * i + 1, form, `m${i}`)).toEqual([true, undefined]);
    expect(await send(2 * i + 2, form, "m0")).toEqual([false, undefined]);
    expect(await unitsOf(`m${i}`)).toEqual(["kW"]);
  }
  const n = 2 * forms.length;
  expect(await send(n + 1, "  ", "none")).toEqual([false, undefined]);
  expect(await unitsOf("none")).toEqual([]);
  // Declared with a blank by an older version: its producer goes on.
  await accessor.query(
    "update series set unit = 'kW ' where machine_id = (select id from machine where name = 'm1')",
  );
  await using reopened = await openTestAccessor({ databaseUrl: accessor.databaseUrl });
  const samples = [{ ...column("power", [[epochUs + n, 1]]), unit: "kW " }];
  const again = { producerId: "q", sequence: 1n, batch: { machine: "m1", samples } };
  expect((await reopened.ingest.ingestBatch(again)).result!.verdicts).toEqual([]);
});

test("a column that is rejected whole declares for the others of its signal, which go first", async () => {
  await using accessor = await openTestAccessor();
  const declared = { unit: "kW", maxGap: { seconds: 1_200n }, sampleType: SampleType.STEP };
  const tooOld = { ...column("power", [[-1, 1]]), ...declared };
  const empty = { ...column("power", []), ...declared };
  const plain = column("power", [[epochUs, 1]]);
  const watts = { ...plain, unit: "W" };
  let sequence = 0n;
  const send = async (machine: string, samples: readonly SamplesInit[]) => {
    const batch = { machine, samples: [...samples] };
    const { result } = await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: ++sequence,
      batch,
    });
    return result!.verdicts.map(({ reason }) => reason);
  };
  const declaredOf = async (machine: string) => {
    const { signals } = await accessor.signals.listSignals({ machines: [machine] });
    return signals.map(({ units, maxGap, sampleTypes }) => [
      units,
      Number(maxGap!.seconds),
      sampleTypes,
    ]);
  };
  const all = [[["kW"], 1_200, [SampleType.STEP]]];
  for (const [i, samples] of [
    [tooOld, plain],
    [plain, tooOld],
  ].entries()) {
    expect(await send(`new ${i}`, samples)).toEqual([ErrorReason.TIME_TOO_OLD]);
    expect(await declaredOf(`new ${i}`)).toEqual(all);
    await send(`known ${i}`, [plain]);
    expect(await send(`known ${i}`, samples)).toEqual([ErrorReason.TIME_TOO_OLD]);
    expect(await declaredOf(`known ${i}`)).toEqual(all);
  }
  expect(await send("empty", [empty, plain])).toEqual([]);
  expect(await declaredOf("empty")).toEqual(all);
  // What is stored has the word; what is not declares only what nobody else does.
  expect(await send("other", [tooOld, watts])).toEqual([ErrorReason.TIME_TOO_OLD]);
  expect(await send("other", [empty, watts])).toEqual([]);
  expect(await declaredOf("other")).toEqual([[["W"], 1_200, [SampleType.STEP]]]);
  // And of a signal without any record there is nothing to declare.
  expect(await send("none", [tooOld, empty])).toEqual([ErrorReason.TIME_TOO_OLD]);
  expect(await declaredOf("none")).toEqual([]);
});

test("who declares something else is told how a wrong declaration is corrected", async () => {
  await using accessor = await openTestAccessor();
  let sequence = 0n;
  const send = async (declared: Partial<SamplesInit>) => {
    const samples = [{ ...column("power", [[epochUs, 1]]), ...declared } as SamplesInit];
    const batch = { machine: "m", samples };
    const { result } = await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: ++sequence,
      batch,
    });
    return result!.verdicts.map(({ message }) => message);
  };
  const gap = (seconds: number) => ({ maxGap: { seconds: BigInt(seconds) } });
  expect(await send({ unit: "W", ...gap(1), sampleType: SampleType.STEP })).toEqual([]);
  for (const other of [{ unit: "kW" }, gap(2), { sampleType: SampleType.COUNTER }]) {
    const [message] = await send(other);
    expect(message).toMatch(
      /not ("kW"|2 s|COUNTER): .*RedeclareSignal.*PATCH .*npx millrace redeclare/,
    );
  }
});
