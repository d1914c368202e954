// Ranges in order of time, the latest by time, catalogues, and reads that wait for what was
// acknowledged.
import { Code } from "@connectrpc/connect";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { toColumn } from "../../codec/wire/samples.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { at, column, epochUs, oneSample, Producer } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";

test("a range over overlapping late batches equals a sort by hand", {
  timeout: 60_000,
}, async () => {
  await using accessor = await openTestAccessor();
  await using producer = await Producer.open(accessor.ingest, "p");
  let sequence = 0;
  const batch = fc.record({
    machine: fc.constantFrom("a", "b"),
    signal: fc.constantFrom("power", "heat"),
    start: fc.nat(300),
    steps: fc.array(fc.nat(20), { minLength: 1, maxLength: 40 }),
    changes: fc.array(fc.nat(500), { maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 6 }), async (batches) => {
      const run = `r${sequence}`;
      const samples: [string, number, number][] = [];
      const changes: [string, number, number][] = [];
      for (const { machine, signal, start, steps, changes: times } of batches) {
        const number = ++sequence;
        let time = start;
        const pairs = steps.map((step, i) => {
          time += step;
          return [time, number * 1_000 + i] as const;
        });
        samples.push(
          ...pairs.map(([t, value]): [string, number, number] => [
            `${run}-${machine}/${signal}`,
            t,
            value,
          ]),
        );
        changes.push(
          ...times.map((t, i): [string, number, number] => [
            `${run}-${machine}`,
            t,
            number * 1_000 + i,
          ]),
        );
        producer.send(number, {
          machine: `${run}-${machine}`,
          samples: [
            column(
              signal,
              pairs.map(([t, value]) => [epochUs + t, value]),
            ),
          ],
          stateChanges: times.map((t, i) => ({
            time: at(epochUs + t),
            state: MachineState.IDLE,
            reason: String(number * 1_000 + i),
          })),
        });
      }
      const acks = await producer.acksThrough(sequence);
      const inOrder = (records: [string, number, number][]) =>
        records.toSorted((x, y) => x[1] - y[1] || x[2] - y[2]);
      const seenSamples: [string, number, number][] = [];
      const seenChanges: [string, number, number][] = [];
      let doneUs = Number.NEGATIVE_INFINITY;
      const request = { machines: [`${run}-a`, `${run}-b`], minCursor: acks.at(-1)!.cursor };
      for await (const { batches: slices } of accessor.signals.readSignals(request)) {
        const times: number[] = [];
        for (const slice of slices) {
          for (const one of slice.samples) {
            const { timesUs, values } = toColumn(one);
            for (const [i, timeUs] of timesUs.entries()) {
              times.push(timeUs);
              seenSamples.push([`${slice.machine}/${one.signal}`, timeUs - epochUs, values[i]!]);
            }
          }
          for (const { time, reason } of slice.stateChanges) {
            times.push(Number(time!.seconds) * 1e6 + time!.nanos / 1000);
            seenChanges.push([slice.machine, times.at(-1)! - epochUs, Number(reason)]);
          }
        }
        expect(Math.min(...times, Number.POSITIVE_INFINITY)).toBeGreaterThanOrEqual(doneUs);
        doneUs = Math.max(doneUs, ...times);
      }
      const bySeries = (records: [string, number, number][]) =>
        Object.groupBy(records, ([series]) => series);
      expect(bySeries(seenSamples)).toEqual(bySeries(inOrder(samples)));
      expect(bySeries(seenChanges)).toEqual(bySeries(inOrder(changes)));
    }),
    { numRuns: 40 },
  );
});

test("the first message of a range comes at once and names the cursor", async () => {
  await using accessor = await openTestAccessor();
  const { cursor } = await accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: 1n,
    batch: oneSample(1),
  });
  const messages = [];
  for await (const message of accessor.signals.readSignals({})) messages.push(message);
  expect(messages[0]!.batches).toEqual([]);
  expect(new Set(messages.map((message) => message.cursor))).toEqual(new Set([cursor]));
  expect(messages).toHaveLength(2);
});

test("the latest is the newest by time, and of equal times the last committed", async () => {
  await using accessor = await openTestAccessor();
  const change = (time: number, reason: string) => ({
    time: at(epochUs + time),
    state: MachineState.IDLE,
    reason,
  });
  const batches = [
    {
      machine: "b",
      samples: [column("power", [[epochUs + 100, 1]])],
      stateChanges: [change(100, "old"), change(100, "new")],
    },
    {
      machine: "b",
      samples: [column("power", [[epochUs + 50, 2]])],
      stateChanges: [change(50, "late")],
    },
    { machine: "b", samples: [column("heat", [[epochUs + 7, 3]])] },
    {
      machine: "a",
      samples: [
        column("power", [
          [epochUs + 9, 4],
          [epochUs + 9, 5],
        ]),
      ],
    },
    { machine: "a", samples: [column("power", [[epochUs + 9, 6]])] },
  ];
  for (const [i, batch] of batches.entries())
    await accessor.ingest.ingestBatch({ producerId: "p", sequence: BigInt(i + 1), batch });
  const { signals } = await accessor.signals.getLatest({});
  const said = signals.map(({ machine, signal, record: { value } }) => [
    machine,
    signal,
    typeof value === "number" ? value : (value as { reason: string }).reason,
  ]);
  expect(said).toEqual([
    ["a", "power", 6],
    ["b", "heat", 3],
    ["b", "power", 1],
    ["b", "state", "new"],
  ]);
  const some = await accessor.signals.getLatest({
    machines: ["b", "nobody"],
    signals: ["heat", "error"],
  });
  expect(some.signals.map(({ signal }) => signal)).toEqual(["heat"]);
});

test("a read at another accessor waits for the cursor of an ack, also for a signal's first records", {
  timeout: 60_000,
}, async () => {
  await using database = await testDatabase();
  await using one = await openTestAccessor({ databaseUrl: database.url });
  await using two = await openTestAccessor({
    databaseUrl: database.url,
    notify: false,
    pollMs: 200,
  });
  for (let i = 1; i <= 10; i++) {
    const signal = `signal_${i}`;
    const { cursor } = await one.ingest.ingestBatch({
      producerId: "p",
      sequence: BigInt(i),
      batch: oneSample(i, { signal }),
    });
    const [page, latest] = await Promise.all([
      two.signals.querySignals({ signal, minCursor: cursor }),
      two.signals.getLatest({ signals: [signal], minCursor: cursor }),
    ]);
    expect([page.signals.length, latest.signals.length]).toEqual([1, 1]);
  }
});

test("a cursor beyond the newest commit is refused, not waited for", async () => {
  await using accessor = await openTestAccessor();
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch: oneSample(1) });
  const { cursor } = await accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: 2n,
    batch: oneSample(2),
  });
  await accessor.query(
    "delete from receipt where revision = 2; delete from log where revision = 2",
  );
  await using behind = await openTestAccessor({ databaseUrl: accessor.databaseUrl });
  expect(await reasonOf(behind.signals.getLatest({ minCursor: cursor }))).toMatchObject({
    code: Code.OutOfRange,
    reason: "CURSOR_IN_FUTURE",
  });
});

test("machines and signals are listed, in order and in pages", async () => {
  await using accessor = await openTestAccessor();
  for (const [i, machine] of ["m-2", "M", "m1"].entries()) {
    const samples = [
      {
        ...column("power", [[epochUs, 1]]),
        unit: i === 0 ? "kW" : "W",
        maxGap: { seconds: BigInt(i + 1) },
      },
    ];
    await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: BigInt(i + 1),
      batch: { machine, samples },
    });
  }
  const names: string[] = [];
  for (let pageToken = ""; ; ) {
    const { machines, nextPageToken } = await accessor.signals.listMachines({
      pageSize: 2,
      pageToken,
    });
    names.push(...machines.map(({ name }) => name));
    if (nextPageToken === "") break;
    pageToken = nextPageToken;
  }
  expect(names).toEqual(["M", "m-2", "m1"]);
  const { signals } = await accessor.signals.listSignals({});
  expect(signals).toMatchObject([
    { name: "power", units: ["W", "kW"], machineCount: 3, maxGap: { seconds: 3n } },
  ]);
});

test("the first reads after a start all see what is stored", async () => {
  await using database = await testDatabase();
  {
    await using accessor = await openTestAccessor({ databaseUrl: database.url });
    await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch: oneSample(1) });
  }
  await using accessor = await openTestAccessor({ databaseUrl: database.url });
  const reads = Array.from({ length: 8 }, () => accessor.signals.querySignals({ signal: "power" }));
  for (const { signals } of await Promise.all(reads)) expect(signals).toHaveLength(1);
});
