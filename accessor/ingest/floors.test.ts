// No word moves a producer's floor: a hello changes nothing, numbers that nobody has a receipt for
// are never "duplicates", and what lives for a single request is forgotten.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openDatabase } from "../store/database.ts";
import { dropIdleProducers } from "../store/ingest.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { oneSample, Producer } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";

const send = ({ ingest }: Pick<TestAccessor, "ingest">, producerId: string, sequence: number) =>
  ingest.ingestBatch({ producerId, sequence: BigInt(sequence), batch: oneSample(sequence) });
const counts = async ({ query }: TestAccessor) =>
  (
    await query(`select (select count(*)::int from producer) as producers, (select count(*)::int from lost_range) as lost,
      (select count(*)::int from log) as log`)
  )[0];

test("a hello that claims what is not here changes nothing: the next batch is stored, by stream and by itself", async () => {
  await using accessor = await openTestAccessor();
  await send(accessor, "p", 1);
  for (const claimed of [2n, 1_000n, 2n ** 32n]) {
    await using liar = await Producer.open(accessor.ingest, "p", { lastAckedSequence: claimed });
    expect(liar.welcome).toMatchObject({
      lastSequence: claimed,
      lost: { first: 2n, last: claimed },
    });
    await using nobody = await Producer.open(accessor.ingest, `never-${claimed}`, {
      lastAckedSequence: claimed,
    });
    expect(nobody.welcome.lost).toMatchObject({ first: 1n });
  }
  expect(await counts(accessor)).toEqual({ producers: 1, lost: 0, log: 1 });
  expect((await send(accessor, "p", 2)).result).toMatchObject({ duplicate: false });
  await using honest = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 2n });
  expect(honest.welcome).toMatchObject({ lastSequence: 2n });
  honest.send(3, oneSample(3));
  expect((await honest.acksThrough(3)).flatMap(({ results }) => results)).toEqual([]);
  expect(await counts(accessor)).toMatchObject({ log: 3 });
});

test("a claim that no loss explains is refused: numbers cannot be used up", async () => {
  await using accessor = await openTestAccessor();
  for (const lastAckedSequence of [2n ** 32n + 1n, BigInt(Number.MAX_SAFE_INTEGER)])
    expect(
      await reasonOf(Producer.open(accessor.ingest, "p", { lastAckedSequence })),
    ).toMatchObject({
      reason: "SEQUENCE_GAP",
      metadata: { producer_id: "p", expected_sequence: "1" },
    });
  expect(await counts(accessor)).toMatchObject({ producers: 0 });
});

test("where a batch was stored behind a false claim, the true sender's numbers are stored still, once each", async () => {
  await using accessor = await openTestAccessor();
  for (const sequence of [1, 2]) await send(accessor, "p", sequence);
  {
    await using liar = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 9n });
    liar.send(10, oneSample(10));
    await liar.acksThrough(10);
  }
  await using honest = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 2n });
  expect(honest.welcome).toMatchObject({ lastSequence: 2n });
  for (let sequence = 3; sequence <= 9; sequence++) honest.send(sequence, oneSample(sequence));
  expect((await honest.acksThrough(9)).flatMap(({ results }) => results)).toEqual([]);
  for (let sequence = 1; sequence <= 10; sequence++)
    expect((await send(accessor, "p", sequence)).result).toMatchObject({ duplicate: true });
  expect(await counts(accessor)).toEqual({ producers: 1, lost: 0, log: 10 });
});

test("a floor that a hello of an earlier version moved hides nothing any more", async () => {
  await using accessor = await openTestAccessor();
  await send(accessor, "p", 1);
  const last = Number.MAX_SAFE_INTEGER;
  await accessor.query("update producer set floor_sequence = $1", [last]);
  await accessor.query("insert into lost_range select id, 2, $1 from producer", [last]);
  await using honest = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 1n });
  expect(honest.welcome).toMatchObject({ lastSequence: 1n });
  for (const sequence of [2, 3]) honest.send(sequence, oneSample(sequence));
  expect((await honest.acksThrough(3)).flatMap(({ results }) => results)).toEqual([]);
  expect((await send(accessor, "p", 2)).result).toMatchObject({ duplicate: true });
  expect(await counts(accessor)).toMatchObject({ log: 3 });
});

test("whatever is claimed and sent, each number is stored once, and a duplicate is one that was stored", async () => {
  await using accessor = await openTestAccessor();
  let segment = 1;
  const rotate = async () => {
    segment++;
    for (const parent of ["log", "receipt"])
      await accessor.query(
        `create table ${parent}_${segment} partition of ${parent} for values in (${segment})`,
      );
    await accessor.query("select open_segment($1)", [segment]);
  };
  const step = fc.record({
    claim: fc.nat(12),
    sequence: fc.integer({ min: 1, max: 14 }),
    rotates: fc.constantFrom(false, false, true),
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 12 }), async (steps) => {
      const id = `p${run++}`;
      const kept = new Set<number>();
      for (const { claim, sequence, rotates } of steps) {
        await using stream = await Producer.open(accessor.ingest, id, {
          lastAckedSequence: BigInt(claim),
        });
        stream.send(sequence, oneSample(sequence, { machine: id }));
        const ack = await stream.ack().catch(
          async (error) =>
            void expect(await reasonOf(Promise.reject(error))).toMatchObject({
              reason: "SEQUENCE_GAP",
            }),
        );
        if (ack) expect(ack.results.some(({ duplicate }) => duplicate)).toBe(kept.has(sequence));
        if (ack) kept.add(sequence);
        // The newest receipt of a producer is then not its highest.
        if (rotates) await rotate();
      }
      const [row] = await accessor.query(
        "select coalesce(sum(sample_count), 0)::int as n from log join series s on s.id = series_id join machine m on m.id = s.machine_id where m.name = $1",
        [id],
      );
      expect(row!["n"]).toBe(kept.size);
    }),
    { numRuns: 8 },
  );
}, 120_000);

test("a refused batch registers neither its machine nor a signal nor a producer", async () => {
  await using accessor = await openTestAccessor();
  await send(accessor, "p", 1);
  const strange = { machine: "strange", samples: oneSample(1, { signal: "speed" }).samples };
  for (const [producerId, sequence, reason] of [
    ["p", 3n, "SEQUENCE_GAP"],
    ["p", 1n, "SEQUENCE_CONFLICT"],
    ["q", 2n, "SEQUENCE_GAP"],
  ] as const)
    expect(
      await reasonOf(accessor.ingest.ingestBatch({ producerId, sequence, batch: strange })),
    ).toMatchObject({
      reason,
    });
  const unit = {
    machine: "m1",
    samples: oneSample(5).samples.map((column) => ({ ...column, unit: "kW" })),
  };
  expect(
    await reasonOf(accessor.ingest.ingestBatch({ producerId: "p", sequence: 9n, batch: unit })),
  ).toMatchObject({
    reason: "SEQUENCE_GAP",
  });
  expect(
    await accessor.query(
      "select m.name, signal, unit from series join machine m on m.id = machine_id",
    ),
  ).toEqual([{ name: "m1", signal: "power", unit: "" }]);
  expect(await accessor.query("select name from machine")).toEqual([{ name: "m1" }]);
  expect(await accessor.query("select name from producer")).toEqual([{ name: "p" }]);
  // In a stream, what is new behind a batch that is still on its way is the next.
  await using stream = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 1n });
  for (const [i, machine] of ["n1", "n2", "n3"].entries())
    stream.send(2 + i, oneSample(1, { machine }));
  expect((await stream.acksThrough(4)).flatMap(({ results }) => results)).toEqual([]);
});

test("producers of single requests go when they have expired and their receipts are gone, the others stay", async () => {
  await using database = await testDatabase();
  await using accessor = await openTestAccessor({ databaseUrl: database.url });
  await using own = await openDatabase({
    url: database.url,
    log: createLog({ name: "own", level: "silent" }),
  });
  // The accessor tidies too, whenever it likes: what counts is what is there once nothing is left
  // to do.
  const drop = async (maxDerived = 1_000) => {
    const options = { maxDerived, limit: 10, abort: new AbortController().signal };
    while ((await dropIdleProducers(own, options)) > 0);
  };
  const names = async () =>
    (await accessor.query("select name from producer order by name")).map(({ name }) => name);
  const expire = () =>
    accessor.query(
      "update producer set expires_at = now() - interval '1 s' where name in ('http:1', 'rest:1')",
    );
  for (const id of ["http:1", "http:2", "p", "rest:1", "rest:2"]) await send(accessor, id, 1);
  await expire();
  await drop();
  // A receipt is left of each: looked at again in an hour.
  expect(await names()).toHaveLength(5);
  expect(
    await accessor.query("select count(*)::int as n from producer where expires_at < now()"),
  ).toEqual([{ n: 0 }]);
  await accessor.query("delete from receipt");
  await accessor.query("update producer set floor_sequence = 1");
  await expire();
  await drop();
  expect(await names()).toEqual(["http:2", "p", "rest:2"]);
  expect(
    await accessor.query("select derived, producers::int from producer_count order by derived"),
  ).toEqual([
    { derived: false, producers: 1 },
    { derived: true, producers: 2 },
  ]);
  // Beyond so many, the oldest go before their time.
  await drop(1);
  expect(await names()).toEqual(["p", "rest:2"]);
  expect((await send(accessor, "p", 1)).result).toMatchObject({ duplicate: true });
  expect((await send(accessor, "http:1", 1)).result).toMatchObject({ duplicate: false });
});

test("a commit is never earlier than the one before it, whatever the clock did", async () => {
  await using accessor = await openTestAccessor();
  await send(accessor, "p", 1);
  await accessor.query("update receipt set committed_at = committed_at + interval '1 hour'");
  await send(accessor, "p", 2);
  expect(
    await accessor.query(
      "select count(distinct committed_at)::int as times, count(*)::int as n from receipt",
    ),
  ).toEqual([{ times: 1, n: 2 }]);
});

test("single batches give back what they have in flight, also when they fail", async () => {
  await using accessor = await openTestAccessor({ maxInFlightBytes: 2_000 });
  for (let sequence = 1; sequence <= 40; sequence++) {
    await send(accessor, "p", sequence);
    expect(await reasonOf(send(accessor, "p", sequence + 9))).toMatchObject({
      reason: "SEQUENCE_GAP",
    });
  }
});

test("a batch that its sender has an ack for, and that is lost here, is stored when it comes again", async () => {
  await using accessor = await openTestAccessor();
  for (let sequence = 1; sequence <= 5; sequence++) await send(accessor, "p", sequence);
  await using stream = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 8n });
  for (const sequence of [8, 9, 9]) stream.send(sequence, oneSample(sequence));
  const results = (await stream.acksThrough(9)).flatMap((ack) => ack.results);
  expect(results.filter(({ sequence }) => sequence === 8n)).toEqual([]);
  const { signals } = await accessor.signals.querySignals({ signal: "power" });
  expect(signals.map(({ record }) => record.value)).toEqual([1, 2, 3, 4, 5, 8, 9]);
  expect(
    await accessor.query(
      "select first_sequence::int as first, last_sequence::int as last from lost_range",
    ),
  ).toEqual([{ first: 6, last: 7 }]);
});
