// Databases that would not keep what is acknowledged, or do not accept writes: refused with the
// reason, and used again without intervention.
import { Code } from "@connectrpc/connect";
import pg from "pg";
import { expect, test } from "vitest";
import { HealthCheckResponse_ServingStatus as Status } from "#gen/grpc/health/v1/health_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor, queryDatabase } from "../testing/accessor.ts";
import { oneSample } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";

// Of batches, rows of the log, states and errors, as in functions/earlier-programs.sql.
const columnTypes = `
  int bigint bytea bytea bool
  int int bigint bigint int bytea
  int int int bigint smallint text
  int int int bigint smallint text text`;
const noRows = columnTypes
  .trim()
  .split(/\s+/)
  .map((type) => `array[]::${type}[]`);
/** ingest() of earlier programs with no batches. */
const ingestNothing = `select ingest(${noRows.join(", ")})`;

test("nothing is taken where a commit does not wait for the disk, nor where only a standby's memory has it", async () => {
  await using accessor = await openTestAccessor();
  const client = new pg.Client({ connectionString: accessor.databaseUrl });
  await client.connect();
  try {
    for (const statement of ["select open_producer('p', 0)", ingestNothing]) {
      for (const setting of ["off", "local", "remote_write"]) {
        await client.query(`set synchronous_commit = ${setting}`);
        const refusal = { code: "MR001", detail: "synchronous_commit" };
        await expect(client.query(statement), `${setting}: ${statement}`).rejects.toMatchObject(
          refusal,
        );
      }
      for (const setting of ["on", "remote_apply"]) {
        await client.query(`set synchronous_commit = ${setting}`);
        await client.query(statement);
      }
    }
  } finally {
    await client.end();
  }
});

test("an accessor's own sessions wait for the disk, whatever the database's default is", async () => {
  await using database = await testDatabase("empty");
  await queryDatabase(database.url, `alter database ${database.name} set synchronous_commit = off`);
  await using accessor = await openTestAccessor({ databaseUrl: database.url });
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch: oneSample(1) });
});

test("while the database only reads, so does the accessor; it writes again when the next session may", {
  timeout: 30_000,
}, async () => {
  await using database = await testDatabase("empty");
  await using accessor = await openTestAccessor({ databaseUrl: database.url });
  const { ingest, signals, health, query } = accessor;
  const statusOf = async (service: string) => (await health.check({ service })).status;
  const send = (sequence: bigint, machine = "m1") =>
    ingest.ingestBatch({
      producerId: "p",
      sequence,
      batch: oneSample(Number(sequence), { machine }),
    });
  await send(1n);
  await query(`alter database ${database.name} set default_transaction_read_only = on`);
  // As after a failover to a server that is not promoted yet: connections are new, and stay.
  await query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  const unavailable = { code: Code.Unavailable, reason: "DATABASE_UNAVAILABLE" };
  // The first may still use a connection that was ended.
  for (let i = 0; i < 3; i++) expect(await reasonOf(send(2n))).toMatchObject(unavailable);
  expect(await reasonOf(send(2n, "new"))).toMatchObject(unavailable);
  expect((await signals.querySignals({ signal: "power" })).signals).toHaveLength(1);
  const ingestIs = (status: Status) =>
    eventually("ingest says so", async () => (await statusOf(IngestService.typeName)) === status);
  await ingestIs(Status.NOT_SERVING);
  expect(await statusOf(SignalService.typeName)).toBe(Status.SERVING);

  const admin = new pg.Client({ connectionString: database.serverUrl });
  await admin.connect();
  await admin
    .query(`alter database ${database.name} reset default_transaction_read_only`)
    .finally(() => admin.end());
  const stored = (call: () => Promise<unknown>) => () =>
    call().then(
      () => true,
      () => false,
    );
  await eventually(
    "it registers and writes again",
    stored(() => send(2n, "new")),
  );
  await eventually(
    "it writes again",
    stored(() => send(3n)),
  );
  expect((await signals.querySignals({ signal: "power" })).signals).toHaveLength(3);
  await ingestIs(Status.SERVING);
});
