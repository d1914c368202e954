// Restoring a copy leaves no trace, so the operator has to declare it: from then on, cursors from
// after the copy are foreign, and those from before it stay valid.
import { ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { column, epochUs } from "../testing/batches.ts";

test("after --begin-epoch, cursors of what was lost are foreign even when revisions have caught up", async () => {
  await using database = await openTestAccessor();
  const send = async (accessor: typeof database, producerId: string) => {
    const batch = { machine: "mill-1", samples: [column("power", [[epochUs, 1]])] };
    return (await accessor.ingest.ingestBatch({ producerId, sequence: 1n, batch })).cursor;
  };
  const kept = await send(database, "a");
  const lost = await send(database, "b");
  // The effect on the log of restoring a copy from before the second batch.
  for (const table of ["log", "receipt"])
    await database.query(`delete from ${table} where revision = 2`);
  await using restored = await openTestAccessor({
    databaseUrl: database.databaseUrl,
    beginEpoch: true,
  });
  const again = await send(restored, "c");
  const reasonOf = (minCursor: string) =>
    restored.signals.getLatest({ minCursor }).then(
      () => "answered",
      (error) => ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason,
    );
  expect(await reasonOf(kept)).toBe("answered");
  expect(await reasonOf(again)).toBe("answered");
  expect(await reasonOf(lost)).toBe("CURSOR_FOREIGN");
});
