// What is not the protocol ends an ingest stream with its reason; a server that stops answers for
// what it has taken.
import { Code } from "@connectrpc/connect";
import pg from "pg";
import { expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { oneSample, Producer } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";

test("streams that do not keep to the protocol", async () => {
  await using accessor = await openTestAccessor();
  const { ingest } = accessor;
  const answers = async (...messages: Parameters<Producer["push"]>[0]["message"][]) => {
    const requests = (async function* () {
      for (const message of messages) yield { message };
    })();
    for await (const _ of ingest.ingest(requests as never));
  };
  const hello = (producerId: string) => ({ case: "hello" as const, value: { producerId } });
  const batch = (sequence: bigint) => ({
    case: "batch" as const,
    value: { sequence, batch: oneSample(1) },
  });
  const helloRequired = { code: Code.InvalidArgument, reason: "HELLO_REQUIRED" };
  expect(await reasonOf(answers())).toMatchObject(helloRequired);
  expect(await reasonOf(answers(batch(1n)))).toMatchObject(helloRequired);
  expect(await reasonOf(answers(hello("p"), hello("p")))).toMatchObject(helloRequired);
  expect(await reasonOf(answers(hello("p"), { case: undefined }))).toMatchObject({
    reason: "REQUEST_INVALID",
  });
  for (const producerId of ["", "line 4", "-x", "a\0b", "x".repeat(129)])
    expect(await reasonOf(answers(hello(producerId)))).toMatchObject({
      code: Code.InvalidArgument,
      reason: "PRODUCER_ID_INVALID",
    });
  expect(await reasonOf(answers(hello("p"), batch(0n)))).toMatchObject({
    reason: "REQUEST_INVALID",
  });
  expect(await reasonOf(answers(hello("p"), batch(2n)))).toMatchObject({ reason: "SEQUENCE_GAP" });
  await answers(hello("p"));
  await answers(hello("p"), batch(1n));
  expect(await accessor.query("select count(*)::int as n from receipt")).toEqual([{ n: 1 }]);
});

test("what came before a failure is acknowledged before it", async () => {
  await using accessor = await openTestAccessor();
  await using producer = await Producer.open(accessor.ingest, "p");
  for (const sequence of [1, 2, 3, 5, 6]) producer.send(sequence, oneSample(sequence));
  await producer.acksThrough(3);
  expect(await reasonOf(producer.ack())).toMatchObject({
    metadata: { sequence: "5", expected_sequence: "4" },
  });
});

test("a stream that is half-closed is acknowledged to its end, and ends well", async () => {
  await using accessor = await openTestAccessor();
  await using producer = await Producer.open(accessor.ingest, "p");
  for (let sequence = 1; sequence <= 50; sequence++) producer.send(sequence, oneSample(sequence));
  producer.end();
  await producer.acksThrough(50);
  expect(await producer.ack()).toBeUndefined();
});

test("an accessor that stops acknowledges what is in flight, then ends its streams with the reason", async () => {
  const accessor = await openTestAccessor();
  const blocker = new pg.Client({ connectionString: accessor.databaseUrl });
  blocker.on("error", () => {});
  await blocker.connect();
  const producer = await Producer.open(accessor.ingest, "p");
  const idle = await Producer.open(accessor.ingest, "idle");
  const feed = accessor.signals.watchSignals({})[Symbol.asyncIterator]();
  await feed.next();
  await blocker.query("select pg_advisory_lock(7201, 1)");
  producer.send(1, oneSample(1));
  const unary = accessor.ingest.ingestBatch({
    producerId: "unary",
    sequence: 1n,
    batch: oneSample(2),
  });
  await eventually("both are in flight", async () => {
    const { rows } = await blocker.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return rows.length > 0;
  });
  const shuttingDown = {
    code: Code.Unavailable,
    reason: "SHUTTING_DOWN",
    retryDelay: { seconds: 1n },
  };
  const idleEnd = reasonOf(idle.ack());
  const feedEnd = reasonOf(
    (async () => {
      for (;;) if ((await feed.next()).done) return;
    })(),
  );
  const startedMs = performance.now();
  const stopped = accessor[Symbol.asyncDispose]();
  expect(await idleEnd).toMatchObject(shuttingDown);
  await blocker.query("select pg_advisory_unlock(7201, 1)");
  expect((await producer.acksThrough(1)).map(({ sequence }) => sequence)).toEqual([1n]);
  expect(await reasonOf(producer.ack())).toMatchObject(shuttingDown);
  expect((await unary).result).toMatchObject({ sequence: 1n, duplicate: false });
  expect(await feedEnd).toMatchObject(shuttingDown);
  await stopped;
  expect(performance.now() - startedMs).toBeLessThan(4_000);
  await blocker.end().catch(() => {});
});
