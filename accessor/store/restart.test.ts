// PostgreSQL stops and starts under a running accessor: the accessor reports it, recovers without
// intervention, and accepts nothing that could be lost.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import pg from "pg";
import { expect, test } from "vitest";
import { HealthCheckResponse_ServingStatus as Status } from "#gen/grpc/health/v1/health_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { openPostgres } from "../../local/postgres.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { quickFolder } from "../../test/testing/quick-folder.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { at, epochUs, oneSample, Producer } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";

test("a server that restarts, unsafe for a while", { timeout: 60_000 }, async () => {
  await using server = await openServer();
  await using accessor = await openTestAccessor({ databaseUrl: server.databaseUrl });
  const { ingest, signals, health } = accessor;
  const send = (sequence: number) =>
    ingest.ingestBatch({ producerId: "p", sequence: BigInt(sequence), batch: oneSample(sequence) });
  const servingIs = (wanted: Status) =>
    eventually(`health is ${wanted}`, async () => (await health.check({})).status === wanted);
  const ingestIs = (wanted: Status) =>
    eventually(`ingest's health is ${wanted}`, async () => {
      return (await health.check({ service: IngestService.typeName })).status === wanted;
    });
  const watched: Status[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    for await (const { status } of health.watch({}, { signal: stop.signal })) watched.push(status);
  })();
  await servingIs(Status.SERVING);
  await ingestIs(Status.SERVING);
  await send(1);
  await using producer = await Producer.open(ingest, "stream");
  const feed = signals.watchSignals({})[Symbol.asyncIterator]();
  await feed.next();

  await server.stop();
  await servingIs(Status.NOT_SERVING);
  const unavailable = {
    code: Code.Unavailable,
    reason: "DATABASE_UNAVAILABLE",
    retryDelay: { seconds: 1n },
  };
  expect(await reasonOf(send(2))).toMatchObject(unavailable);
  expect(await reasonOf(signals.querySignals({ signal: "power" }))).toMatchObject(unavailable);
  producer.send(1, oneSample(1));
  expect(await reasonOf(producer.ack())).toMatchObject(unavailable);

  await server.start({ fsync: "off" });
  await servingIs(Status.SERVING);
  await ingestIs(Status.NOT_SERVING);
  const unsafe = {
    code: Code.FailedPrecondition,
    reason: "DATABASE_UNSAFE",
    metadata: { setting: "fsync" },
  };
  expect(await reasonOf(send(2))).toMatchObject(unsafe);
  expect(await reasonOf(Producer.open(ingest, "stream"))).toMatchObject(unsafe);
  const { signals: read } = await signals.querySignals({ signal: "power" });
  expect(read).toHaveLength(1);

  await server.stop();
  await server.start({ full_page_writes: "off" });
  await servingIs(Status.SERVING);
  expect(await reasonOf(send(2))).toMatchObject({ metadata: { setting: "full_page_writes" } });

  await server.stop();
  await server.start({});
  await ingestIs(Status.SERVING);
  await send(2);
  await using again = await Producer.open(ingest, "stream");
  again.send(1, oneSample(3));
  await again.acksThrough(1);
  // The feed was open all along. If that took longer, bookmarks come first.
  let brought = 0;
  while (brought === 0) brought = (await feed.next()).value.batches.length;
  expect(brought).toBe(1);
  stop.abort();
  await watching.catch(() => {});
  expect(watched.filter((status, i) => status !== watched[i - 1])).toEqual(watched);
  expect(watched).toContain(Status.NOT_SERVING);
});

test("connections that are cut in the midst of reads fail those reads, and no others", async () => {
  await using accessor = await openTestAccessor();
  const change = { time: at(epochUs), state: MachineState.IDLE };
  const batch = { ...oneSample(1), stateChanges: [change] };
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  const read = (signal: string) => accessor.signals.querySignals({ signal });
  const blocker = new pg.Client({ connectionString: accessor.databaseUrl });
  blocker.on("error", () => {});
  await blocker.connect();
  await blocker.query("begin; lock table log, state_change in access exclusive mode");
  const reads = ["state", "power"].map((signal) => reasonOf(read(signal)));
  await eventually("both wait", async () => (await waitingIn(accessor)).length >= 2);
  await accessor.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'millrace-accessor'`,
  );
  for (const failed of reads)
    expect(await failed).toMatchObject({ code: Code.Unavailable, reason: "DATABASE_UNAVAILABLE" });
  await blocker.query("rollback");
  await blocker.end();
  for (const signal of ["state", "power"]) expect((await read(signal)).signals).toHaveLength(1);
});

test("a call that is cancelled cancels its statement", async () => {
  await using accessor = await openTestAccessor();
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch: oneSample(1) });
  const blocker = new pg.Client({ connectionString: accessor.databaseUrl });
  blocker.on("error", () => {});
  await blocker.connect();
  await blocker.query("begin; lock table log in access exclusive mode");
  const controller = new AbortController();
  const read = reasonOf(
    accessor.signals.querySignals({ signal: "power" }, { signal: controller.signal }),
  );
  await eventually("it waits", async () => (await waitingIn(accessor)).length > 0);
  controller.abort();
  expect(await read).toMatchObject({ code: Code.Canceled });
  await eventually("its statement is gone", async () => (await waitingIn(accessor)).length === 0);
  await blocker.query("rollback");
  await blocker.end();
});

/**
 * Reads that wait for a lock, excluding compaction, which may wait too. Queried on a connection of
 * its own: within one transaction the answer stays the same.
 */
function waitingIn({ query }: TestAccessor) {
  return query(
    `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and state = 'active'
     and (query like 'select first_us%from log%' or query like '%from state_change join%')`,
  );
}

/** A server of its own for a test, on one port through all restarts. */
async function openServer() {
  const dataDir = await mkdtemp(join(quickFolder(), "millrace-restart-"));
  await chmod(dataDir, 0o755);
  const log = createLog({ name: "postgres", level: "silent" });
  const open = (port: number, settings: Record<string, string>) =>
    openPostgres({
      dataDir,
      port,
      settings,
      syncCluster: false,
      log,
      abort: AbortSignal.timeout(30_000),
    });
  let server = await open(0, {});
  const { port } = server;
  const databaseUrl = new URL(server.url);
  databaseUrl.pathname = "/restarted";
  return {
    databaseUrl: databaseUrl.href,
    stop: () => server[Symbol.asyncDispose](),
    async start(settings: Record<string, string>) {
      server = await open(port, settings);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
