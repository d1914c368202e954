// Compaction stopped anywhere has not happened, holds nobody up, and passes over what it cannot
// read.
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { armFailpoints } from "../../runtime/failpoint.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { forAtMost } from "../../test/testing/for-at-most.ts";
import type { Database } from "../store/database.ts";
import { Examiner, parts, type Question } from "../testing/answers.ts";
import { at, epochUs, oneSample } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";
import { anyBatch, baseUs, type RawRecord, toBatch, toRecords } from "../testing/records.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const everything = {
  fromUs: baseUs - 86_400e6,
  toUs: baseUs + 86_400e6,
  pageSize: 1_000,
  widthUs: 60e6,
  points: 9,
  state: 1,
  parts,
};
const expectRaw = (
  records: readonly RawRecord[],
  revision: number,
  question: Question = everything,
) => new Examiner(history, { records, revision, question }).run();

/** All that compaction writes. */
async function written(): Promise<unknown> {
  const tables = [
    "watermark",
    "block",
    "block_end",
    "rollup_hour",
    "rollup_state",
    "rollup_due",
    "rollup_state_due",
    "quarantine",
    "touched",
    "alive_hour",
  ];
  const texts = [];
  for (const table of tables)
    texts.push(await history.query(`select md5(t::text) from ${table} t order by 1`));
  return texts;
}

/**
 * The database, but before its nth statement of compaction something happens; pid: of the
 * statement's connection, if it has its own.
 */
function tripped(
  database: Database,
  at: number,
  trip: (pid: number | undefined) => Promise<void>,
): Database {
  let count = 0;
  const step = async (pid?: number) => {
    if (++count === at) await trip(pid);
  };
  return {
    ...database,
    read: async (...query) => {
      await step();
      return database.read(...query);
    },
    async connect() {
      const client = await database.connect();
      const query = client.query.bind(client);
      const { processID } = client as unknown as { processID: number };
      client.query = (async (...args: Parameters<typeof query>) => {
        await step(processID);
        return query(...args);
      }) as unknown as typeof client.query;
      return client;
    },
  };
}

test("stopped or cut off at any statement, a step is whole or has not been, and the next one does it", {
  timeout: 120_000,
}, async () => {
  const scenario = fc.record({
    batches: fc.array(anyBatch, { minLength: 3, maxLength: 6 }),
    at: fc.integer({ min: 1, max: 24 }),
    kill: fc.boolean(),
  });
  let stopped = 0;
  await fc.assert(
    fc.asyncProperty(
      scenario,
      forAtMost(15_000, async ({ batches, at, kill }) => {
        await history.clear();
        const records: RawRecord[] = [];
        const add = async (some: typeof batches) => {
          for (const batch of some) {
            const { revision } = await history.ingest(toBatch(batch));
            for (const record of toRecords(batch, revision)) records.push(record);
          }
        };
        await add(batches.slice(0, 2));
        await history.compact();
        await add(batches.slice(2));
        const before = await written();
        const stop = new AbortController();
        const database = tripped(history.database, at, async (pid) => {
          if (kill && pid !== undefined)
            await history.query("select pg_terminate_backend($1)", [pid]);
          else stop.abort(new Error("stopped"));
        });
        const failure = await history.compact({ database, abort: stop.signal }).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure !== undefined) {
          stopped++;
          expect(await written()).toEqual(before);
        }
        await history.compactAll();
        await expectRaw(records, records.at(-1)!.revision, {
          ...everything,
          parts: ["ranges", "summaries"],
        });
      }),
    ),
    { numRuns: 14 },
  );
  expect(stopped).toBeGreaterThan(5);
});

test("a failure before the commit leaves nothing, one after it everything", async () => {
  await history.ingest(oneSample(1));
  const before = await written();
  try {
    armFailpoints("compact.before-commit=throw");
    await expect(history.compact()).rejects.toThrow("failpoint");
    expect(await written()).toEqual(before);
    armFailpoints("compact.after-commit=throw");
    await expect(history.compact()).rejects.toThrow("failpoint");
  } finally {
    armFailpoints("");
  }
  expect(await history.query("select max(revision)::int as watermark from watermark")).toEqual([
    { watermark: 1 },
  ]);
  expect((await history.compact())?.samples ?? 0).toBe(0);
});

test("while a step is about to commit, batches are stored and every question is answered", async () => {
  await using held = await session();
  const records: RawRecord[] = [];
  for (const batch of fc.sample(anyBatch, { numRuns: 5, seed: 7 })) {
    const { revision } = await history.ingest(toBatch(batch));
    for (const record of toRecords(batch, revision)) records.push(record);
  }
  await history.compact();
  await history.ingest(oneSample(1, { machine: "c" }));
  let release = () => {};
  const hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  let holding = false;
  // The commit itself waits: everything is written, every lock is held.
  const database = {
    ...history.database,
    async connect() {
      const client = await history.database.connect();
      const query = client.query.bind(client);
      client.query = (async (...args: Parameters<typeof query>) => {
        if ((args[0] as unknown) === "commit") {
          holding = true;
          await hold;
        }
        return query(...args);
      }) as unknown as typeof client.query;
      return client;
    },
  };
  const step = history.compact({ database });
  await eventually("the step is about to commit", () => holding);
  await history.ingest(oneSample(2, { machine: "c" }));
  await expectRaw(records, records.at(-1)!.revision);
  const { rows } = await held.client.query(
    "select count(*)::int as waiting from pg_locks where not granted",
  );
  expect(rows).toEqual([{ waiting: 0 }]);
  release();
  expect(await step).toMatchObject({ samples: 1, more: false });
});

async function session(): Promise<{ client: pg.Client } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: history.url });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

test("a row that cannot be read is kept aside and reported, and the others go on", async () => {
  for (let i = 1; i <= 3; i++)
    await history.ingest({
      ...oneSample(i),
      stateChanges: [{ time: at(epochUs + i), state: MachineState.IDLE }],
    });
  await history.query("update log set payload = '\\x00ff' where revision = 2");
  expect(await history.compact()).toMatchObject({ through: 3, samples: 2, unreadable: 2 });
  const kept = await history.query(
    "select revision::int, signal, reason <> '' as said, payload from quarantine join series on series.id = series_id order by signal",
  );
  expect(kept).toEqual([
    { revision: 2, signal: "power", said: true, payload: Buffer.from("00ff", "hex") },
    { revision: 2, signal: "state", said: true, payload: Buffer.from("00ff", "hex") },
  ]);
  await history.ingest(oneSample(4));
  expect(await history.compact()).toMatchObject({ through: 4, samples: 1, unreadable: 0 });
  expect(
    await history.query(
      "select head - watermark as lag, quarantined::int from millrace_v1.compaction",
    ),
  ).toEqual([{ lag: "0", quarantined: 2 }]);
});
