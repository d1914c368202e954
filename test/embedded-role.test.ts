// An accessor on the embedded PostgreSQL as `npm start` runs it: without superuser rights, on
// connections of its own, with data that a superuser created.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { openTestAccessor, type TestAccessor } from "../accessor/testing/accessor.ts";
import { oneSample } from "../accessor/testing/batches.ts";
import { openPostgres } from "../local/postgres.ts";
import { accessorRole, openAccessorRole } from "../local/postgres-role.ts";
import { createLog } from "../runtime/log.ts";
import { eventually } from "./testing/eventually.ts";
import { quickFolder } from "./testing/quick-folder.ts";

async function open(settings: Record<string, string>) {
  const folder = await mkdtemp(join(quickFolder(), "millrace-role-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const server = await openPostgres({
    dataDir: join(folder, "data"),
    settings: { shared_buffers: "32MB", ...settings },
    syncCluster: false,
    log: createLog({ name: "test", level: "silent" }),
    abort: AbortSignal.timeout(60_000),
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const superuser = new URL(server.url);
  superuser.pathname = "/millrace";
  const handOver = () =>
    openAccessorRole(server.url, { dataDir: join(folder, "data"), database: "millrace" });
  return { superuser: superuser.href, handOver };
}

const history = {
  compactIntervalMs: 20,
  logWindowMs: 86_400_000,
  maxLogBytes: 2 ** 34,
  retentionMs: undefined,
  rollupRetentionMs: undefined,
};

async function fill(databaseUrl: string, sequence: number): Promise<TestAccessor> {
  const accessor = await openTestAccessor({ databaseUrl, history });
  await accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: BigInt(sequence),
    batch: oneSample(sequence),
  });
  await eventually("it is compacted", async () => {
    const [row] = await accessor.query("select max(revision)::int as revision from watermark");
    return row!["revision"] === sequence;
  });
  return accessor;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

test.each(["a new data folder", "one that a superuser filled"])(
  "%s: all that an accessor does",
  {
    timeout: 90_000,
  },
  async (which) => {
    const { superuser, handOver } = await open({ max_connections: "60" });
    const old = which.startsWith("one");
    if (old) await (await fill(superuser, 1))[Symbol.asyncDispose]();
    const databaseUrl = await handOver();
    await using accessor = await fill(databaseUrl, old ? 2 : 1);
    const [me] = await accessor.query(
      "select session_user as name, usesuper as super from pg_user where usename = session_user",
    );
    expect(me).toEqual({ name: accessorRole, super: false });
    const { signals } = await accessor.signals.querySignals({ signal: "power" });
    expect(signals).toHaveLength(old ? 2 : 1);
    const admin = await connect(superuser);
    await admin.query("create role grafana login password 'grafana' in role millrace_reader");
    const asGrafana = new URL(superuser);
    asGrafana.username = asGrafana.password = "grafana";
    const reader = await connect(asGrafana.href);
    expect((await reader.query("select * from millrace_v1.latest")).rows).toHaveLength(1);
    await reader.query("select pg_advisory_lock(7201, 1)");
    await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: old ? 3n : 2n,
      batch: oneSample(3),
    });
  },
);

test("readers cannot use up the connections that the accessor needs", {
  timeout: 60_000,
}, async () => {
  const { superuser, handOver } = await open({ max_connections: "40", reserved_connections: "30" });
  const databaseUrl = await handOver();
  await (await connect(superuser)).query("create role grafana login password 'grafana'");
  const asGrafana = new URL(superuser);
  asGrafana.username = asGrafana.password = "grafana";
  for (let taken = 0; ; taken++) {
    const refused = await connect(asGrafana.href).then(
      () => undefined,
      (error: { code?: string }) => error.code,
    );
    if (refused !== undefined) {
      expect(refused).toBe("53300");
      expect(taken).toBeLessThanOrEqual(10);
      break;
    }
  }
  await (await fill(databaseUrl, 1))[Symbol.asyncDispose]();
});
