// Interrupted work resumes: a watch after its last cursor, a producer's stream after an accessor
// was killed.
import { expect, test } from "vitest";
import { type Clients, grpcClients } from "./testing/ask.ts";
import { eventually } from "./testing/eventually.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startProducer } from "./testing/processes.ts";
import { breaksOf, collect, type MachineRecords, readAll } from "./testing/series.ts";

test("a watch that breaks off again and again, and goes on after its last cursor, sees every record once", async () => {
  await using database = await testDatabase();
  await using accessor = await startAccessor(database.url);
  using clients = grpcClients(accessor.url);
  const { cursor: begin } = await clients.signals.getLatest({});
  const flags = [
    "--machines",
    "2",
    "--batch-interval",
    "20ms",
    "--start",
    "-30s",
    "--duration",
    "34s",
  ];
  await using producer = startProducer(accessor.url, ...flags);

  const watched = new Map<string, MachineRecords>();
  let cursor = begin;
  let sessions = 0;
  const session = async (messages: number) => {
    sessions++;
    let left = messages;
    for await (const { after, through, batches } of clients.signals.watchSignals({
      start: { case: "afterCursor", value: cursor },
    })) {
      expect(after).toBe(cursor);
      cursor = through;
      collect(watched, batches);
      if (--left <= 0) return;
    }
  };
  let producerEnded = false;
  void producer.ended.then(() => {
    producerEnded = true;
  });
  while (!producerEnded) await session(1 + (sessions % 7));
  expect(await producer.ended).toBe(0);
  const { cursor: end } = await clients.signals.getLatest({});
  while (cursor !== end) await session(1);

  expect(sessions).toBeGreaterThan(10);
  const stored = await readAll(clients);
  expect([...watched.keys()].sort()).toEqual([...stored.keys()].sort());
  for (const [machine, records] of stored) {
    expect(records.powerUs).toHaveLength(3400);
    // A producer sends a machine's records in order of time, so commit order is that order.
    expect(watched.get(machine), machine).toEqual(records);
  }
});

test("an accessor killed with -9, three times, under a running producer: no hole, no repetition", {
  timeout: 60_000,
}, async () => {
  await using database = await testDatabase();
  const first = await startAccessor(database.url);
  const { port, url } = first;
  const flags = [
    "--machines",
    "3",
    "--batch-interval",
    "20ms",
    "--start",
    "-2h",
    "--duration",
    "7203s",
  ];
  await using producer = startProducer(url, ...flags);

  let current = first;
  for (const kill of [1, 2, 3]) {
    const before = await countPower(url);
    await eventually("more is stored", async () => (await countPower(url)) > before);
    current.signal("SIGKILL");
    expect(await current.ended, `kill ${kill}`).toBe("SIGKILL");
    current = await startAccessor(database.url, { port });
  }
  expect(await producer.ended).toBe(0);
  expect(producer.lines.join("\n")).toMatch(/ 0 rejected/);

  using clients = grpcClients(url);
  const all = await readAll(clients);
  expect(all.size).toBe(3);
  for (const [machine, { powerUs, states, errors }] of all) {
    expect(breaksOf(powerUs), machine).toEqual([]);
    expect(powerUs).toHaveLength(7203 * 100);
    for (const times of [states, errors].map((records) =>
      records.map(({ time }) => `${time!.seconds}.${time!.nanos}`),
    ))
      expect(new Set(times).size).toBe(times.length);
  }
  await current[Symbol.asyncDispose]();
});

/**
 * The sum of the times of each machine's newest power sample, which grows with every sample. 0
 * while there is no answer.
 */
async function countPower(url: string): Promise<number> {
  using clients: Clients & Disposable = grpcClients(url);
  try {
    const { signals } = await clients.signals.getLatest({ signals: ["power"] });
    return signals.reduce((sum, { time }) => sum + Number(time!.seconds), 0);
  } catch {
    return 0;
  }
}
