// Two accessors on one database, with a producer at each: one order for all records, and both
// report it.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import pg from "pg";
import { expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { type Clients, grpcClients } from "./testing/ask.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startProducer } from "./testing/processes.ts";
import { breaksOf, collect, type MachineRecords, readAll } from "./testing/series.ts";

const endMark = {
  machine: "end",
  stateChanges: [{ time: timestampFromMs(Date.now()), state: MachineState.OFF }],
};

test("two accessors that start at once on no database make it; their revisions are dense, their feeds equal", async () => {
  await using database = await testDatabase("absent");
  const accessors = await Promise.all([startAccessor(database.url), startAccessor(database.url)]);
  await using one = accessors[0];
  await using other = accessors[1];
  using clients = grpcClients(one.url);
  using otherClients = grpcClients(other.url);

  const { cursor: begin } = await clients.signals.getLatest({});
  const flags = (signal: string) => [
    "--machines",
    "3",
    "--signal",
    signal,
    "--batch-interval",
    "20ms",
  ];
  await using left = startProducer(
    one.url,
    ...flags("temperature"),
    "--start",
    "-60s",
    "--duration",
    "63s",
  );
  await using right = startProducer(
    other.url,
    ...flags("pressure"),
    "--start",
    "-60s",
    "--duration",
    "63s",
    "--seed",
    "2",
  );
  const until = Promise.all([left.ended, right.ended]).then(async (codes) => {
    expect(codes).toEqual([0, 0]);
    // The last commit, so its cursor ends both feeds. A read would be answered as of the commits
    // that the accessor knows.
    const { cursor } = await clients.ingest.ingestBatch({
      producerId: "end",
      sequence: 1n,
      batch: endMark,
    });
    return cursor;
  });
  const feeds = await Promise.all(
    [clients, otherClients].map((own) => watch(own, { begin, until })),
  );

  expect(feeds[0]!.order).toEqual(feeds[1]!.order);
  expect(feeds[0]!.order.length).toBeGreaterThan(100);
  expect(feeds[0]!.records).toEqual(feeds[1]!.records);
  const stored = await readAll(otherClients, await until);
  expect(stored.size).toBe(4);
  expect(stored.delete("end")).toBe(true);
  for (const [machine, { powerUs }] of stored) {
    expect(powerUs, machine).toHaveLength(2 * 6300);
    expect(feeds[0]!.records.get(machine)!.powerUs).toHaveLength(2 * 6300);
    // Each seed has its own phase on the grid of 10 ms.
    const grids = [...Map.groupBy(powerUs, (time) => time % 10_000).values()];
    expect(grids.map((times) => [times.length, breaksOf(times)])).toEqual([
      [6300, []],
      [6300, []],
    ]);
  }
  expect(await revisions(database.url)).toMatchObject({ first: "1", holes: "0" });
});

/** Follows a feed until it has processed a cursor: every record, and the order of the batches. */
async function watch(
  { signals }: Clients,
  { begin, until }: { begin: string; until: Promise<string> },
) {
  const records = new Map<string, MachineRecords>();
  const order: string[] = [];
  let end: string | undefined;
  void until.then((cursor) => {
    end = cursor;
  });
  for await (const { through, batches } of signals.watchSignals({
    start: { case: "afterCursor", value: begin },
  })) {
    collect(records, batches);
    for (const { machine, samples, stateChanges, errorReports } of batches) {
      const columns = samples.map(
        ({ signal, values }) => `${signal} ${values.length} from ${values[0]}`,
      );
      order.push([machine, ...columns, stateChanges.length, errorReports.length].join(", "));
    }
    if (through === end) break;
  }
  return { records, order };
}

async function revisions(connectionString: string): Promise<unknown> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query(
      "select min(revision) as first, max(revision) - min(revision) + 1 - count(distinct revision) as holes from log",
    );
    return rows[0];
  } finally {
    await client.end();
  }
}
