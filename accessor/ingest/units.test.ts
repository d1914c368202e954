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
