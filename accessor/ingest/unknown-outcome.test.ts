// What may or may not be committed is never acknowledged; the producer asks again and it is stored
// once.
import { connect, createServer, type Socket } from "node:net";
import { Code } from "@connectrpc/connect";
import pg from "pg";
import { expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor, queryDatabase, type TestAccessor } from "../testing/accessor.ts";
import { oneSample, Producer } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";

const storedOf = async ({ databaseUrl }: { databaseUrl: string }) =>
  (await queryDatabase(databaseUrl, "select count(*)::int as n from receipt"))[0]!.n as number;

async function resend(accessor: TestAccessor, duplicates: bigint[]): Promise<void> {
  await using producer = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 1n });
  for (const sequence of [2, 3]) producer.send(sequence, oneSample(sequence));
  const results = (await producer.acksThrough(3)).flatMap((ack) => ack.results);
  expect(results.map(({ sequence, duplicate }) => duplicate && sequence)).toEqual(duplicates);
  expect(await storedOf(accessor)).toBe(3);
}

test("a backend that is terminated before it commits", async () => {
  await using accessor = await openTestAccessor();
  await using blocker = await connected(accessor.databaseUrl);
  await using producer = await Producer.open(accessor.ingest, "p");
  producer.send(1, oneSample(1));
  await producer.acksThrough(1);
  await blocker.client.query("select pg_advisory_lock(7201, 1)");
  producer.send(2, oneSample(2));
  await eventually("ingest() waits for the lock", async () => {
    const { rows } = await blocker.client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and query like '%ingest(%' and pid <> pg_backend_pid()`,
    );
    return rows.length > 0;
  });
  expect(await reasonOf(producer.ack())).toMatchObject({
    code: Code.Unavailable,
    reason: "DATABASE_UNAVAILABLE",
    retryDelay: { seconds: 1n },
  });
  await blocker.client.query("select pg_advisory_unlock(7201, 1)");
  expect(await storedOf(accessor)).toBe(1);
  await resend(accessor, []);
});

test("a connection that is lost after the commit and before its answer", async () => {
  await using database = await testDatabase();
  await using proxy = await openProxy(database.url);
  await using accessor = await openTestAccessor({ databaseUrl: proxy.url });
  await using producer = await Producer.open(accessor.ingest, "p");
  producer.send(1, oneSample(1));
  await producer.acksThrough(1);
  proxy.swallowAnswersAfter("ingest");
  producer.send(2, oneSample(2));
  const failed = reasonOf(producer.ack());
  await eventually(
    "the batch is committed",
    async () => (await storedOf({ databaseUrl: database.url })) === 2,
  );
  proxy.cut();
  expect(await failed).toMatchObject({ code: Code.Unavailable, reason: "DATABASE_UNAVAILABLE" });
  await resend(accessor, [2n]);
});

async function connected(url: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

/** Between accessor and PostgreSQL: can keep the answers of connections on which a text went by. */
async function openProxy(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const swallowing = new Set<Socket>();
  let trigger: string | undefined;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on("error", () => {})
        .on("close", () => {
          sockets.delete(socket);
          swallowing.delete(client);
          client.destroy();
          upstream.destroy();
        });
    }
    client.on("data", (data) => {
      if (trigger !== undefined && data.includes(trigger)) swallowing.add(client);
      upstream.write(data);
    });
    upstream.on("data", (data) => swallowing.has(client) || client.write(data));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as { port: number }).port);
  return {
    url: url.href,
    swallowAnswersAfter: (text: string) => {
      trigger = text;
    },
    /** Breaks the connections whose answers were kept, and keeps no more. */
    cut() {
      trigger = undefined;
      for (const socket of swallowing) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
