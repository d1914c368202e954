// A unit is declared by the first samples that name one, and then stays.
import { expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { openTestAccessor } from "../test-accessor.ts";
import { column, epochUs } from "../test-batches.ts";

test("samples without a unit leave it to later ones to declare it, on every accessor", async () => {
  await using first = await openTestAccessor();
  await using second = await openTestAccessor({ databaseUrl: first.databaseUrl });
  let sequence = 0n;
  const send = async (accessor: typeof first, unit: string) => {
    const samples = [{ ...column("power", [[epochUs + Number(sequence), 1]]), unit }];
    const batch = { machine: "mill-1", samples };
    const { result } = await accessor.ingest.ingestBatch({ producerId: "p", sequence: ++sequence, batch });
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
    const { result } = await accessor.ingest.ingestBatch({ producerId: "p", sequence: BigInt(sequence), batch });
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
  await accessor.query("update series set unit = 'kW ' where machine_id = (select id from machine where name = 'm1')");
  await using reopened = await openTestAccessor({ databaseUrl: accessor.databaseUrl });
  const samples = [{ ...column("power", [[epochUs + n, 1]]), unit: "kW " }];
  const again = { producerId: "q", sequence: 1n, batch: { machine: "m1", samples } };
  expect((await reopened.ingest.ingestBatch(again)).result!.verdicts).toEqual([]);
});
