// Batches of many producers share transactions; one that PostgreSQL refuses is found and refused
// alone.
import { expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { settled } from "../../test/testing/eventually.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { at, column, epochUs, oneSample, Producer } from "../testing/batches.ts";

test("many producers share transactions, and each gets its acks in order", async () => {
  await using accessor = await openTestAccessor();
  const producers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => Producer.open(accessor.ingest, `p${i}`)),
  );
  const batches = 50;
  for (let sequence = 1; sequence <= batches; sequence++)
    for (const [i, producer] of producers.entries())
      producer.send(sequence, oneSample(sequence, { machine: `m${i}` }));
  for (const producer of producers) {
    const acks = await producer.acksThrough(batches);
    const sequences = acks.map(({ sequence }) => Number(sequence));
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    expect(acks.flatMap(({ results }) => results)).toEqual([]);
    await producer[Symbol.asyncDispose]();
  }
  const [counted] = await accessor.query(
    "select count(*)::int as receipts, count(distinct xmin::text)::int as transactions, max(revision)::int as last from receipt",
  );
  expect(counted).toMatchObject({ receipts: 1000, last: 1000 });
  expect(counted!.transactions).toBeLessThan(250);
});

test("a batch that PostgreSQL refuses is refused alone, and those around it are stored", async () => {
  await using accessor = await openTestAccessor();
  await accessor.query(
    "alter table state_change add constraint test_only check (reason <> 'poison')",
  );
  const change = (reason: string, number: number) => ({
    machine: "m",
    stateChanges: [{ time: at(epochUs + number), state: MachineState.IDLE, reason }],
  });
  await using poisoner = await Producer.open(accessor.ingest, "poisoner");
  await using bystander = await Producer.open(accessor.ingest, "bystander");
  for (let sequence = 1; sequence <= 30; sequence++) {
    poisoner.send(sequence, change(sequence % 10 === 7 ? "poison" : "fine", sequence));
    bystander.send(sequence, change("fine", sequence));
  }
  const results = (await poisoner.acksThrough(30)).flatMap((ack) => ack.results);
  expect(results.map(({ sequence, refusal }) => [Number(sequence), refusal?.reason])).toEqual(
    [7, 17, 27].map((sequence) => [sequence, ErrorReason.RECORD_REFUSED_BY_DATABASE]),
  );
  expect((await bystander.acksThrough(30)).flatMap((ack) => ack.results)).toEqual([]);
  poisoner.send(7, change("poison", 7));
  const [again] = (await poisoner.ack())!.results;
  expect(again).toMatchObject({
    duplicate: true,
    refusal: { reason: ErrorReason.RECORD_REFUSED_BY_DATABASE },
  });
  expect(
    await accessor.query("select count(*)::int as n, max(revision)::int as last from state_change"),
  ).toEqual([{ n: 57, last: 57 }]);
});

test("a stream whose acks nobody reads is read no further, and goes on where it stopped", async () => {
  // What lies unread is counted in acks (16 objects in the stream at each end) and in bytes (HTTP/2
  // and socket windows), and an ack answers for whatever is decided by then. With at most 4 batches
  // in an ack that is a few hundred batches, whatever the timing.
  await using accessor = await openTestAccessor({ maxUndecided: 4 });
  await using producer = await Producer.open(accessor.ingest, "p");
  // Every other sample is bad, so that an ack has 3 KB for each batch.
  const samples = Array.from(
    { length: 400 },
    (_, i) => [epochUs + i, i % 2 ? i : Number.NaN] as const,
  );
  const batches = 2_000;
  for (let sequence = 1; sequence <= batches; sequence++)
    producer.send(sequence, { machine: "m", samples: [column("power", samples)] });
  const decided = async () =>
    (await accessor.query("select count(*)::int as n from receipt"))[0]!.n as number;
  expect(await settled(decided)).toBeLessThan(batches / 2);
  const results = (await producer.acksThrough(batches)).flatMap((ack) => ack.results);
  expect(results.map(({ sequence }) => Number(sequence))).toEqual(
    Array.from({ length: batches }, (_, i) => i + 1),
  );
});

test("all streams together have no more in flight than allowed, and all get through", async () => {
  await using accessor = await openTestAccessor({ maxInFlightBytes: 100_000 });
  const producers = await Promise.all(
    Array.from({ length: 10 }, (_, i) => Producer.open(accessor.ingest, `p${i}`)),
  );
  // While somebody else holds the lock, nothing is decided.
  const values = Array.from({ length: 1_000 }, Math.random);
  for (const producer of producers)
    for (let sequence = 1; sequence <= 20; sequence++)
      producer.send(sequence, {
        machine: "m",
        samples: [
          column(
            "power",
            values.map((value, i) => [epochUs + i, value]),
          ),
        ],
      });
  for (const producer of producers) {
    await producer.acksThrough(20);
    await producer[Symbol.asyncDispose]();
  }
  expect((await accessor.query("select count(*)::int as n from receipt"))[0]).toEqual({ n: 200 });
});
