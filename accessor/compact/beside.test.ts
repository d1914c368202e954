// The thread of compaction: it compacts, dies alone, is started again with what it died of, and
// stops in time.
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { listening, startProgram } from "../../test/testing/processes.ts";
import { openTestAccessor, queryDatabase } from "../testing/accessor.ts";
import { oneSample } from "../testing/batches.ts";
import { forEver, roomy } from "../testing/history.ts";
import { type BesideOptions, startCompactorBeside } from "./beside.ts";

const history = {
  compactIntervalMs: 100,
  logWindowMs: 86_400_000,
  maxLogBytes: 2 ** 34,
  retentionMs: undefined,
  rollupRetentionMs: undefined,
};

function start(way: string, lines: string[], options: Partial<BesideOptions> = {}) {
  const log = createLog({
    name: "a",
    level: "info",
    format: "json",
    sink: (line) => void lines.push(line),
  });
  return startCompactorBeside({
    ...roomy,
    databaseUrl: way,
    epochs: [{ epoch: 1, firstRevision: 1 }],
    log,
    retention: forEver,
    settleUs: 0,
    rollupRetentionMs: undefined,
    compactIntervalMs: 10,
    maxDropped: 100,
    supersededMs: 1,
    logWindowMs: 1,
    maxLogBytes: 1,
    segmentMs: 1,
    segmentBytes: 1,
    file: new URL("../testing/thread.ts", import.meta.url),
    ...options,
  });
}

const begun = (lines: readonly string[]) =>
  lines
    .map((line) => JSON.parse(line) as Record<string, never>)
    .filter(({ message }) => message === "begun");

test("an accessor's batches are compacted by its thread, also those of series that it did not know", async () => {
  await using accessor = await openTestAccessor({ history });
  for (const [number, machine] of ["m1", "m2", "m1", "m3"].entries())
    await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: BigInt(number + 1),
      batch: oneSample(number, { machine }),
    });
  await eventually("all is compacted", async () => {
    const [row] = await accessor.query("select max(revision)::int as watermark from watermark");
    return row!["watermark"] === 4;
  });
  expect(
    await accessor.query(
      "select count(*)::int as blocks, sum(count)::int as samples from block where not exists (select from block_end e where e.block_id = block.block_id)",
    ),
  ).toEqual([{ blocks: 3, samples: 4 }]);
});

test.each([
  ["exit", "ended"],
  ["throw", "not this again"],
  ["memory", "ERR_WORKER_OUT_OF_MEMORY"],
])(
  "a thread that dies (%s) is started again, knowing what it had in hand and what was learnt",
  async (way, says) => {
    const lines: string[] = [];
    await using _ = start(way, lines, { maxHeapMib: 32 });
    await eventually("it lived three times", () => begun(lines).length >= 3);
    const [first, second, third] = begun(lines) as unknown as {
      before?: { attempts: object; inHand: object };
    }[];
    expect(first!.before).toBeUndefined();
    expect(second!.before).toMatchObject({
      attempts: { rows: 8 },
      inHand: { from: 1, first: 2, rows: 3 },
    });
    expect(third!.before).toMatchObject({ attempts: { rows: 4 } });
    expect(lines.find((line) => line.includes('"level":"error"'))).toContain(says);
  },
);

test("a thread that does not listen is ended when its accessor stops", async () => {
  const lines: string[] = [];
  {
    await using _ = start("deaf", lines, { stopMs: 50 });
    await eventually("it has begun", () => begun(lines).length > 0);
  }
  expect(begun(lines)).toHaveLength(1);
});

test("an accessor that stops before the thread has begun begins none", async () => {
  const lines: string[] = [];
  {
    await using _ = start("exit", lines, { compactIntervalMs: 60_000 });
  }
  expect(lines).toEqual([]);
});

test("whatever a step does, it keeps nobody from batches, answers and an orderly end", async () => {
  await using database = await testDatabase();
  const flags = ["--listen", "127.0.0.1:0", "--compact-interval", "100ms"];
  // For ten minutes, a step does nothing but work.
  const env = { DATABASE_URL: database.url, MILLRACE_FAILPOINTS: "compact.gathered=delay:600000" };
  await using accessor = await listening(startProgram("accessor/main.ts", flags, env));
  using transport = createGrpcTransport({ baseUrl: accessor.url });
  const [ingest, signals] = [
    createClient(IngestService, transport),
    createClient(SignalService, transport),
  ];
  const send = (number: number) =>
    ingest.ingestBatch({ producerId: "p", sequence: BigInt(number), batch: oneSample(number) });
  await send(1);
  // Its snapshot of what it gathered, and nothing after it.
  await eventually("a step has something in hand", async () => {
    const rows = await queryDatabase(
      database.url,
      "select from pg_locks where locktype = 'advisory' and classid = 7201 and objid = 3 and granted",
    );
    return rows.length > 0;
  });
  for (let number = 2; number <= 40; number++) {
    await send(number);
    const { signals: latest } = await signals.getLatest({});
    expect(latest[0]!.record.value).toBe(number);
  }
  accessor.signal("SIGTERM");
  expect(await accessor.ended).toBe(0);
});
