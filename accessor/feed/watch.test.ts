// Live feeds over real sockets and PostgreSQL: what a client sees is the log from its cursor on,
// each record once, whoever serves it.

import { expect, test } from "vitest";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { epochUs, grid, oneSample, Producer } from "../testing/batches.ts";
import { after, headOf, valuesIn, watch } from "../testing/watch.ts";

test.for([true, false])(
  "two accessors and two producers at once, NOTIFY %s: dense revisions, equal feeds",
  { timeout: 60_000 },
  async (notify) => {
    await using database = await testDatabase();
    const open = () => openTestAccessor({ databaseUrl: database.url, notify, pollMs: 20 });
    await using one = await open();
    await using two = await open();
    const start = await headOf(one);
    const count = 150;
    const follow = (accessor: TestAccessor) =>
      watch(accessor, after(start), ({ batches }) =>
        batches.some(({ machine }) => machine === "end"),
      );
    const feeds = [one, two, one, two].map(follow);
    await Promise.all(
      [one, two].map(async (accessor, i) => {
        await using producer = await Producer.open(accessor.ingest, `p${i}`);
        for (let sequence = 1; sequence <= count; sequence++) {
          producer.send(sequence, oneSample(sequence, { machine: `m${i}` }));
          if (sequence % 3 === i) await producer.acksThrough(sequence);
        }
        await producer.acksThrough(count);
      }),
    );
    const cursors = await Promise.all(
      [one, two].map(async ({ signals }) => (await signals.getLatest({})).cursor),
    );
    const latest = await Promise.all(
      [one, two].map(
        async ({ signals }, i) => (await signals.getLatest({ minCursor: cursors[1 - i]! })).cursor,
      ),
    );
    expect(latest[0]).toBe(latest[1]);
    await one.ingest.ingestBatch({
      producerId: "end",
      sequence: 1n,
      batch: oneSample(0, { machine: "end" }),
    });
    const [inLog] = await one.query(
      "select count(distinct revision)::int as distinct, min(revision)::int as first, max(revision)::int as last from log",
    );
    expect(inLog).toEqual({ distinct: 2 * count + 1, first: 1, last: 2 * count + 1 });
    const seen = (await Promise.all(feeds)).map((messages) => messages.flatMap(valuesIn));
    for (const values of seen) expect(values).toEqual(seen[0]);
    expect(seen[0]).toHaveLength(2 * count + 1);
    for (const machine of ["m0", "m1"])
      expect(seen[0]!.filter((value) => value.startsWith(machine))).toEqual(
        Array.from({ length: count }, (_, i) => `${machine}:${i + 1}`),
      );
  },
);

test("resumed over a hundred times at any cursor, under writers and a small memory, a feed equals the log", {
  timeout: 60_000,
}, async () => {
  await using database = await testDatabase();
  await using one = await openTestAccessor({
    databaseUrl: database.url,
    tailBytes: 4_000,
    pollMs: 20,
    bookmarkIntervalMs: 50,
  });
  await using two = await openTestAccessor({
    databaseUrl: database.url,
    tailBytes: 20_000,
    pollMs: 20,
    bookmarkIntervalMs: 50,
  });
  const start = await headOf(one);
  const count = 200;
  const writing = Promise.all(
    [one, two].map(async (accessor, i) => {
      await using producer = await Producer.open(accessor.ingest, `p${i}`);
      for (let sequence = 1; sequence <= count; sequence++) {
        producer.send(
          sequence,
          oneSample(sequence, { machine: `m${sequence % 3}`, signal: i ? "heat" : "power" }),
        );
        await producer.acksThrough(sequence);
      }
      return headOf(accessor);
    }),
  );
  const resumes: number[] = [];
  const reading = async (request: { machines?: string[]; signals?: string[] }, seed: number) => {
    const values: string[] = [];
    let cursor = start;
    for (let resumed = 0; ; resumed++) {
      // Each time another accessor, and after a few messages another connection.
      const accessor = (resumed + seed) % 2 ? one : two;
      let messages = 1 + ((resumed * 7 + seed) % 4);
      const seen = await watch(
        accessor,
        { ...request, ...after(cursor) },
        ({ through }) => through === end || messages-- === 0,
      );
      values.push(...seen.flatMap(valuesIn));
      cursor = seen.at(-1)!.through;
      if (cursor === end) {
        resumes.push(resumed);
        return values;
      }
    }
  };
  let end: string | undefined;
  const readers = [
    reading({}, 0),
    reading({}, 1),
    reading({ machines: ["m1"] }, 2),
    reading({ signals: ["heat"] }, 3),
    reading({ machines: ["m0", "m2"], signals: ["power"] }, 4),
  ];
  const [, last] = await writing;
  end = (await one.signals.getLatest({ minCursor: last! })).cursor;
  const seen = await Promise.all(readers);
  const rows = await one.query(
    `select machine.name as machine, series.signal from log join series on series.id = series_id join machine on machine.id = machine_id order by revision`,
  );
  const logged = (keep: (row: { machine: string; signal: string }) => boolean) =>
    rows.filter((row) => keep(row as never)).length;
  expect(seen.map((values) => values.length)).toEqual([
    rows.length,
    rows.length,
    logged(({ machine }) => machine === "m1"),
    logged(({ signal }) => signal === "heat"),
    logged(({ machine, signal }) => machine !== "m1" && signal === "power"),
  ]);
  expect(seen[0]).toEqual(seen[1]);
  expect(seen[2]).toEqual(seen[0]!.filter((value) => value.startsWith("m1:")));
  expect(resumes.reduce((sum, n) => sum + n)).toBeGreaterThan(100);
});

test("a feed from now shows what comes, with its commit's time and cursors that reads know", async () => {
  await using accessor = await openTestAccessor();
  let first = true;
  const watching = watch(accessor, {}, ({ batches }) => {
    if (first)
      void accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch: oneSample(1) });
    first = false;
    return batches.length > 0;
  });
  const [start, data] = await watching;
  expect(start!.batches).toEqual([]);
  expect(valuesIn(data!)).toEqual(["m1:1"]);
  expect(data!.commitTime).toBeDefined();
  const { signals } = await accessor.signals.querySignals({
    signal: "power",
    minCursor: data!.through,
  });
  expect(signals).toHaveLength(1);
});

test("bookmarks come at the interval", async () => {
  await using accessor = await openTestAccessor({ bookmarkIntervalMs: 20 });
  let count = 0;
  const messages = await watch(accessor, { machines: ["nobody"] }, () => ++count === 4);
  expect(new Set(messages.map(({ through }) => through)).size).toBe(1);
  expect(messages.flatMap(({ batches }) => batches)).toEqual([]);
});

test("a feed from a commit's time starts with that commit", async () => {
  await using accessor = await openTestAccessor();
  for (let sequence = 1; sequence <= 3; sequence++)
    await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: BigInt(sequence),
      batch: oneSample(sequence),
    });
  const [second] = await accessor.query(
    "select to_us(committed_at)::text as us from receipt where revision = 2",
  );
  const us = BigInt(second!.us as string);
  const value = { seconds: us / 1_000_000n, nanos: Number(us % 1_000_000n) * 1000 };
  const messages = await watch(
    accessor,
    { start: { case: "fromCommitTime", value } },
    ({ batches }) => batches.length > 0,
  );
  expect(messages.flatMap(valuesIn)).toEqual(["m1:2", "m1:3"]);
});

test("a subscriber that does not read costs bounded memory, and misses nothing", {
  timeout: 60_000,
}, async () => {
  await using accessor = await openTestAccessor({ tailBytes: 1 << 20 });
  const start = await headOf(accessor);
  const stop = new AbortController();
  const slow = accessor.signals
    .watchSignals(after(start), { signal: stop.signal })
    [Symbol.asyncIterator]();
  await slow.next();
  await using producer = await Producer.open(accessor.ingest, "p");
  const count = 300;
  const values = Array.from({ length: 8_000 }, Math.random);
  for (let sequence = 1; sequence <= count; sequence++) {
    producer.send(sequence, { machine: "m", samples: [grid("power", epochUs + sequence, values)] });
    if (sequence % 20 === 0) await producer.acksThrough(sequence);
  }
  const end = await headOf(accessor);
  let read = 0;
  for (let at = ""; at !== end; ) {
    const { value } = await slow.next();
    at = value.through;
    read += value.batches.length;
  }
  expect(read).toBe(count);
  stop.abort();
});

test("1,000 idle subscribers cost little, and one commit reaches those who want it", {
  timeout: 60_000,
}, async () => {
  await using accessor = await openTestAccessor({ bookmarkIntervalMs: 60_000 });
  const stop = new AbortController();
  const subscribers = await Promise.all(
    Array.from({ length: 990 }, async (_, i) => {
      const feed = accessor.signals.watchSignals(
        { machines: [`m${i % 99}`] },
        { signal: stop.signal },
      );
      const iterator = feed[Symbol.asyncIterator]();
      await iterator.next();
      return { machine: `m${i % 99}`, next: iterator.next() };
    }),
  );
  const before = process.cpuUsage();
  for (let sequence = 1; sequence <= 100; sequence++)
    await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: BigInt(sequence),
      batch: oneSample(1, { machine: "m99" }),
    });
  const { user, system } = process.cpuUsage(before);
  // 100 commits that nobody watches: client, accessor and both ends of the sockets are in this
  // process.
  expect((user + system) / 1e6).toBeLessThan(2);
  await accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: 101n,
    batch: oneSample(7, { machine: "m7" }),
  });
  const woken = subscribers.filter(({ machine }) => machine === "m7");
  expect(woken).toHaveLength(10);
  for (const { next } of woken) expect(valuesIn((await next).value)).toEqual(["m7:7"]);
  stop.abort();
  await Promise.allSettled(subscribers.map(({ next }) => next));
});
