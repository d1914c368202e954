// The status of the store, from a real accessor: what was stored and sent, and what is wrong.
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ProblemKind } from "#gen/millrace/v1/status_pb.ts";
import { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { programVersion } from "../../runtime/program-version.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { epochUs, grid } from "../testing/batches.ts";

test("rates, lag, sizes, versions and problems", async () => {
  await using accessor = await openTestAccessor({ bookmarkIntervalMs: 100 });
  using transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${accessor.port}` });
  const { getStatus } = createClient(StatusService, transport);
  const empty = await getStatus({});
  expect(empty).toMatchObject({ version: programVersion, machines: 0n, problems: [] });
  expect(empty.databaseVersion).toMatch(/^\d+/);
  expect(empty.schemaVersion).toMatch(/^\d{4}_/);
  expect(empty.commitTime).toBeUndefined();
  expect(empty.history!.logWindow!.seconds).toBe(86_400n);
  expect(empty.history!.retention).toBeUndefined();

  using stop = new DisposableStack();
  const life = new AbortController();
  stop.defer(() => life.abort());
  const feed = accessor.signals.watchSignals({}, { signal: life.signal })[Symbol.asyncIterator]();
  await feed.next();
  const batch = { machine: "mill-1", samples: [grid("power", epochUs, [1, 2, 3, 4])] };
  await accessor.ingest.ingestBatch({ producerId: "test", sequence: 1n, batch });
  for (let sent = 0; sent === 0; ) sent = (await feed.next()).value!.batches.length;

  // An answer is kept for a second; rates are of seconds that are over.
  const full = await eventually(
    "it is in the rates",
    async () => {
      const status = await getStatus({});
      return status.stored!.records > 0 && status.feeds!.sent!.records > 0 ? status : undefined;
    },
    { withinMs: 10_000 },
  );
  expect(full).toMatchObject({
    machines: 1n,
    stored: { batches: 0.1, records: 0.4 },
    feeds: { open: 1, sent: { batches: 0.1, records: 0.4 } },
    history: { lagCommits: 1n, heldCommits: 0n, quarantinedRows: 0n },
  });
  expect(full.history!.databaseBytes).toBeGreaterThan(full.history!.logBytes);
  expect(full.cursor).not.toBe(empty.cursor);

  await accessor.query(
    "insert into quarantine (revision, series_id, reason, payload) select 1, id, 'broken', '' from series",
  );
  await eventually("the problem is named", async () => {
    const { problems } = await getStatus({});
    return problems.some(
      ({ kind, message }) =>
        kind === ProblemKind.ROWS_QUARANTINED && message.includes("quarantine"),
    );
  });
});
