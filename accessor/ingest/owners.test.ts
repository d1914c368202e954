// A producer's numbers belong to who used them first: nobody else's hello or batch moves them, or
// makes a batch vanish.
import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { rotateCommand } from "../commands/key-actions.ts";
import { moveCommand } from "../commands/producer-actions.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { oneSample, Producer } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";
import { idOf, openClients, openKeyFixture } from "../testing/keys.ts";

const denied = { code: Code.PermissionDenied, reason: "PERMISSION_DENIED" };

async function openFixture() {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const lines: string[] = [];
  const log = createLog({ name: "keys", sink: (line) => lines.push(line) });
  const keys = stack.use(await openKeyFixture(database.url, log));
  const writer = () => keys.create({ scope: ["write"] });
  const texts = [await writer(), await writer()];
  const accessor = stack.use(await openTestAccessor({ databaseUrl: database.url, auth: {} }));
  const owned = stack.move();
  const as = (credential?: string) => owned.use(openClients(accessor.port, credential)).ingest;
  const known = async (credential: string) => {
    const clients = owned.use(openClients(accessor.port, credential));
    await eventually(
      "the key is known",
      async () => (await clients.access.whoAmI({}).catch(() => undefined))?.principal,
    );
    return clients.ingest;
  };
  const fixture = { accessor, keys, lines, texts, as, known, databaseUrl: database.url };
  return { ...fixture, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const batch = (producerId: string, sequence: number, value = sequence) => ({
  producerId,
  sequence: BigInt(sequence),
  batch: oneSample(value),
});

const stored = async (accessor: { query(statement: string): Promise<Record<string, unknown>[]> }) =>
  (await accessor.query("select count(*)::int as n from log"))[0]!["n"];

test("another principal's hello and batch under an id are refused, whatever they claim, and change nothing", async () => {
  await using fixture = await openFixture();
  const [mine, theirs] = await Promise.all(fixture.texts.map(fixture.known));
  await mine!.ingestBatch(batch("mill-70", 1));
  for (const lastAckedSequence of [0n, 1n, 2n, BigInt(Number.MAX_SAFE_INTEGER)])
    expect(await reasonOf(Producer.open(theirs!, "mill-70", { lastAckedSequence }))).toMatchObject({
      ...denied,
      metadata: { producer_id: "mill-70" },
    });
  expect(await reasonOf(theirs!.ingestBatch(batch("mill-70", 2)))).toMatchObject(denied);
  // The same content does not tell them either that it is there.
  expect(await reasonOf(theirs!.ingestBatch(batch("mill-70", 1)))).toMatchObject(denied);
  const next = await mine!.ingestBatch(batch("mill-70", 2));
  expect(next.result).toMatchObject({ duplicate: false });
  expect(await stored(fixture.accessor)).toBe(2);
  expect(await fixture.accessor.query("select * from lost_range")).toEqual([]);
});

test("two principals with one Idempotency-Key are two producers, and no hello names them", async () => {
  await using fixture = await openFixture();
  const [mine, theirs] = await Promise.all(fixture.texts.map(fixture.known));
  const id = `http:${"0".repeat(40)}`;
  for (const [ingest, value] of [
    [mine!, 1],
    [theirs!, 2],
  ] as const) {
    expect((await ingest.ingestBatch(batch(id, 1, value))).result).toMatchObject({
      duplicate: false,
    });
    expect((await ingest.ingestBatch(batch(id, 1, value))).result).toMatchObject({
      duplicate: true,
    });
    for (const producerId of [id, "rest:1"])
      expect(
        await reasonOf(Producer.open(ingest, producerId, { lastAckedSequence: 9n })),
      ).toMatchObject({
        code: Code.InvalidArgument,
        reason: "PRODUCER_ID_INVALID",
      });
  }
  expect(
    await reasonOf(theirs!.ingestBatch(batch(`${id}/key:${idOf(fixture.texts[0]!)}`, 2))),
  ).toMatchObject({
    reason: "PRODUCER_ID_INVALID",
  });
  expect(await reasonOf(theirs!.ingestBatch(batch(id, 1, 1)))).toMatchObject({
    reason: "SEQUENCE_CONFLICT",
    metadata: { producer_id: id },
  });
  expect(await stored(fixture.accessor)).toBe(2);
});

test("a rotated key goes on with its producers, and an admin moves one to another key, or all, or to nobody", async () => {
  await using fixture = await openFixture();
  const [first, second] = fixture.texts as [string, string];
  const mine = await fixture.known(first);
  for (const id of ["a", "b", "c"]) await mine.ingestBatch(batch(id, 1));
  await rotateCommand({ id: idOf(first), overlap: 60_000 }, fixture.keys.context);
  const newer = fixture.keys.printed.at(-1)!;
  const rotated = await fixture.known(newer);
  await rotated.ingestBatch(batch("a", 2));
  const theirs = await fixture.known(second);
  expect(await reasonOf(theirs.ingestBatch(batch("a", 3)))).toMatchObject(denied);

  await moveCommand({ id: "a", to: idOf(second), from: undefined }, fixture.keys.context);
  await theirs.ingestBatch(batch("a", 3));
  expect(await reasonOf(rotated.ingestBatch(batch("a", 4)))).toMatchObject(denied);
  await moveCommand({ id: "", to: idOf(second), from: idOf(newer) }, fixture.keys.context);
  await theirs.ingestBatch(batch("b", 2));
  await moveCommand({ id: "b", to: "nobody", from: undefined }, fixture.keys.context);
  await rotated.ingestBatch(batch("b", 3));
  expect(await reasonOf(theirs.ingestBatch(batch("b", 4)))).toMatchObject(denied);
  expect(fixture.lines.filter((line) => line.includes("producer-moved"))).toHaveLength(3);
  const counted = await fixture.accessor.query(
    "select owner, producers::int from producer_count order by producers",
  );
  expect(counted.filter(({ producers }) => producers !== 0)).toMatchObject([
    { producers: 1 },
    { producers: 2 },
  ]);
});

test("what was used without authentication belongs to who uses it first with, and off again, to anyone", async () => {
  await using database = await testDatabase();
  const id = `http:${"1".repeat(40)}`;
  {
    await using open = await openTestAccessor({ databaseUrl: database.url });
    for (const producer of ["p", id]) await open.ingest.ingestBatch(batch(producer, 1));
    await open.ingest.ingestBatch(batch(id, 2));
  }
  await using keys = await openKeyFixture(database.url);
  const [first, second] = [
    await keys.create({ scope: ["write"] }),
    await keys.create({ scope: ["write"] }),
  ];
  {
    await using accessor = await openTestAccessor({ databaseUrl: database.url, auth: {} });
    using mine = openClients(accessor.port, first);
    using theirs = openClients(accessor.port, second);
    await mine.ingest.ingestBatch(batch("p", 2));
    expect(await reasonOf(theirs.ingest.ingestBatch(batch("p", 3)))).toMatchObject(denied);
    // Other content under the key of before is another request of somebody else's.
    expect((await theirs.ingest.ingestBatch(batch(id, 1, 7))).result).toMatchObject({
      duplicate: false,
    });
    // A request that broke off before the upgrade goes on where it was.
    for (const sequence of [1, 2, 3])
      expect((await mine.ingest.ingestBatch(batch(id, sequence))).result).toMatchObject({
        duplicate: sequence < 3,
      });
  }
  await using accessor = await openTestAccessor({ databaseUrl: database.url });
  expect((await accessor.ingest.ingestBatch(batch("p", 3))).result).toMatchObject({
    duplicate: false,
  });
  expect(await stored(accessor)).toBe(7);
});

test("a principal registers no more producers than it may, and those that it has go on", async () => {
  await using database = await testDatabase();
  await using keys = await openKeyFixture(database.url);
  const [first, second] = [
    await keys.create({ scope: ["write"] }),
    await keys.create({ scope: ["write"] }),
  ];
  const producers = { maxProducers: 2, idempotencyWindowMs: 3_600_000 };
  await using accessor = await openTestAccessor({ databaseUrl: database.url, auth: {}, producers });
  using mine = openClients(accessor.port, first);
  using theirs = openClients(accessor.port, second);
  for (const id of ["a", "b"]) await mine.ingest.ingestBatch(batch(id, 1));
  const refused = mine.ingest.ingestBatch({
    ...batch("c", 1),
    batch: oneSample(1, { machine: "new" }),
  });
  expect(await reasonOf(refused)).toMatchObject({
    code: Code.ResourceExhausted,
    reason: "QUOTA_EXCEEDED",
    metadata: { producer_id: "c", limit: "producers", max: "2" },
  });
  expect(await accessor.query("select name from machine where name = 'new'")).toEqual([]);
  await mine.ingest.ingestBatch(batch("a", 2));
  await mine.ingest.ingestBatch(batch("rest:1", 1));
  await theirs.ingest.ingestBatch(batch("c", 1));
});
