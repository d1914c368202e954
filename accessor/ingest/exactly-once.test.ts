// A batch is stored once, whatever its producer repeats: the answer is the same, and other content
// under an old number is refused.
import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { column, epochUs, oneSample, Producer } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";

const stored = async ({ query }: TestAccessor) =>
  (
    await query(
      "select (select count(*)::int from log) as log, (select count(*)::int from receipt) as receipts",
    )
  )[0];

test("a repeated sequence gets the same answer, verdicts and all, marked duplicate", async () => {
  await using accessor = await openTestAccessor();
  const batch = {
    machine: "m1",
    samples: [
      column("power", [
        [epochUs, 1],
        [epochUs + 1, Number.NaN],
        [epochUs + 2, 3],
      ]),
    ],
  };
  const first = await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  const again = await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  expect(first.result!.verdicts).toMatchObject([{ column: 0, first: 1, count: 1 }]);
  expect(again).toEqual({ ...first, result: { ...first.result, duplicate: true } });
  expect(await stored(accessor)).toEqual({ log: 1, receipts: 1 });
});

test("an old answer comes back however much was stored since", async () => {
  await using accessor = await openTestAccessor();
  const send = (sequence: number) =>
    accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: BigInt(sequence),
      batch: oneSample(sequence),
    });
  const answers = [];
  for (let sequence = 1; sequence <= 5; sequence++) answers.push(await send(sequence));
  expect((await send(2)).cursor).toBe(answers[1]!.cursor);
  expect(await stored(accessor)).toEqual({ log: 5, receipts: 5 });
});

test("other content under an old number is a conflict, and nothing is written", async () => {
  await using accessor = await openTestAccessor();
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch: oneSample(1) });
  const altered = accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: 1n,
    batch: oneSample(2),
  });
  expect(await reasonOf(altered)).toMatchObject({
    code: Code.AlreadyExists,
    reason: "SEQUENCE_CONFLICT",
    metadata: { producer_id: "p", sequence: "1" },
  });
  expect(await stored(accessor)).toEqual({ log: 1, receipts: 1 });
});

test("a gap names the sequence to come, also for a producer's first batch", async () => {
  await using accessor = await openTestAccessor();
  const send = (sequence: bigint) =>
    accessor.ingest.ingestBatch({ producerId: "p", sequence, batch: oneSample(1) });
  expect(await reasonOf(send(2n))).toMatchObject({
    code: Code.OutOfRange,
    reason: "SEQUENCE_GAP",
    metadata: { sequence: "2", expected_sequence: "1" },
  });
  await send(1n);
  expect(await reasonOf(send(3n))).toMatchObject({ metadata: { expected_sequence: "2" } });
  expect(await reasonOf(send(2n ** 60n))).toMatchObject({ reason: "SEQUENCE_GAP" });
  expect(await stored(accessor)).toEqual({ log: 1, receipts: 1 });
});

test("a batch without a number is no batch", async () => {
  await using accessor = await openTestAccessor();
  const unnumbered = accessor.ingest.ingestBatch({ producerId: "p", batch: oneSample(1) });
  expect(await reasonOf(unnumbered)).toMatchObject({
    code: Code.InvalidArgument,
    reason: "REQUEST_INVALID",
  });
  expect(await stored(accessor)).toEqual({ log: 0, receipts: 0 });
});

test("a producer that comes back is told where to go on", async () => {
  await using accessor = await openTestAccessor();
  {
    await using producer = await Producer.open(accessor.ingest, "p");
    expect(producer.welcome).toMatchObject({ lastSequence: 0n, maxBatchBytes: 4 * 1024 * 1024 });
    for (let sequence = 1; sequence <= 3; sequence++) producer.send(sequence, oneSample(sequence));
    await producer.acksThrough(3);
  }
  await using producer = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 2n });
  expect(producer.welcome).toMatchObject({ lastSequence: 3n });
  producer.send(3, oneSample(3));
  producer.send(4, oneSample(4));
  const results = (await producer.acksThrough(4)).flatMap((ack) => ack.results);
  expect(results).toMatchObject([{ sequence: 3n, duplicate: true }]);
  expect(await stored(accessor)).toEqual({ log: 4, receipts: 4 });
});

test("of two streams of one producer, the one that falls behind is ended, and each batch is stored once", async () => {
  await using accessor = await openTestAccessor();
  await using one = await Producer.open(accessor.ingest, "p");
  await using two = await Producer.open(accessor.ingest, "p");
  one.send(1, oneSample(1));
  await one.acksThrough(1);
  two.send(1, oneSample(1));
  expect((await two.acksThrough(1))[0]!.results).toMatchObject([{ sequence: 1n, duplicate: true }]);
  two.send(2, oneSample(2));
  await two.acksThrough(2);
  one.send(2, oneSample(99));
  expect(await reasonOf(one.ack())).toMatchObject({ reason: "SEQUENCE_CONFLICT" });
  expect(await stored(accessor)).toEqual({ log: 2, receipts: 2 });
});

test("what was acknowledged before the database was restored is named as lost, and numbering goes on after it", async () => {
  await using accessor = await openTestAccessor();
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch: oneSample(1) });
  await using producer = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 5n });
  expect(producer.welcome).toMatchObject({ lastSequence: 5n, lost: { first: 2n, last: 5n } });
  producer.send(6, oneSample(6));
  expect((await producer.acksThrough(6)).flatMap(({ results }) => results)).toEqual([]);
  // Told once; a sequence of the lost range is past.
  await using later = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 6n });
  expect(later.welcome).toMatchObject({ lastSequence: 6n });
  expect(later.welcome.lost).toBeUndefined();
  expect(
    await accessor.query("select first_sequence::int, last_sequence::int from lost_range"),
  ).toEqual([{ first_sequence: 2, last_sequence: 5 }]);
});

test("the cursor of a stream's acks never goes back, also where the last one answers for a duplicate", async () => {
  await using accessor = await openTestAccessor();
  await using producer = await Producer.open(accessor.ingest, "p");
  const cursorAfter = async (sequence: number) => {
    producer.send(sequence, oneSample(sequence));
    return (await producer.ack())!.cursor;
  };
  const cursors = [await cursorAfter(1), await cursorAfter(2), await cursorAfter(1)];
  expect(cursors[1]).not.toBe(cursors[0]);
  expect(cursors[2]).toBe(cursors[1]);
  // Of an answer that has been forgotten, nobody knows the revision.
  await accessor.query("delete from receipt where sequence = 1");
  expect(await cursorAfter(1)).toBe(cursors[1]);
});
