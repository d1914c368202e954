// A commit that cannot be compacted holds nobody up and is missing from no answer, until a later
// process takes it into the history.
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { forAtMost } from "../../test/testing/for-at-most.ts";
import { holdCommit } from "../store/compact.ts";
import { Examiner, parts } from "../testing/answers.ts";
import { column } from "../testing/batches.ts";
import { forEver, roomy, TestHistory, unaborted } from "../testing/history.ts";
import {
  anyBatch,
  anyWindow,
  baseUs,
  type RandomBatch,
  type RawRecord,
  toBatch,
  toRecords,
} from "../testing/records.ts";
import { type CompactorOptions, type Progress, startCompactor } from "./compactor.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
  await history.query(`create function refuse_block() returns trigger language plpgsql as $$
    begin
      raise exception 'no block with %', new.max;
    end $$`);
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());
afterEach(() => history.query("drop trigger if exists poison on block"));

const everything = { fromUs: baseUs - 60 * 86_400e6, toUs: baseUs + 86_400e6 };
const ask = (
  records: readonly RawRecord[],
  revision = records.at(-1)!.revision,
  options: Partial<Asked> = {},
) =>
  new Examiner(history, {
    records,
    revision,
    question: {
      ...everything,
      pageSize: 7,
      widthUs: 3_600e6 * 24,
      points: 9,
      state: 1,
      parts,
      ...options,
    },
  }).run();
type Asked = typeof everything & { parts: readonly (typeof parts)[number][] };

async function add(
  records: RawRecord[],
  machine: string,
  pairs: readonly (readonly [number, number])[],
): Promise<void> {
  const declared = { unit: "W", maxGap: { seconds: 1n } };
  const { revision } = await history.ingest({
    machine,
    samples: [{ ...column("power", pairs), ...declared }],
  });
  for (const [position, [timeUs, value]] of pairs.entries())
    records.push({ machine, signal: "power", timeUs, revision, position, value, text: "" });
}

function compactor(lines: string[], options: Partial<CompactorOptions> = {}) {
  const log = createLog({
    name: "c",
    level: "info",
    format: "json",
    sink: (line) => void lines.push(line),
  });
  return startCompactor({
    ...roomy,
    database: history.database,
    catalog: history.catalog,
    nowUs: () => baseUs + 86_400e6,
    log,
    settleUs: 0,
    retention: forEver,
    rollupRetentionMs: undefined,
    compactIntervalMs: 10,
    maxDropped: 100,
    logWindowMs: 86_400_000,
    maxLogBytes: 2 ** 40,
    segmentMs: 86_400_000,
    segmentBytes: 2 ** 40,
    supersededMs: 1_200_000,
    ...options,
  });
}

const compacted = (revision: number) =>
  eventually(`${revision} is compacted`, async () => {
    const [row] = await history.query<{ watermark: number }>(
      "select max(revision)::int as watermark from watermark",
    );
    return row!.watermark >= revision;
  });

test("a commit that ends the thread at each try is held like one that fails, and the others go on", async () => {
  const records: RawRecord[] = [];
  await add(records, "a", [[baseUs, 1]]);
  await add(records, "b", [[baseUs, 2]]);
  // As a thread is started that died three times with the first commit in hand.
  const inHand = {
    from: 0,
    first: 1,
    rows: 1,
    oneCommit: true,
    epoch: undefined,
    held: undefined,
    unreadable: [],
  };
  const lines: string[] = [];
  const progress: Progress[] = [];
  const before = { attempts: { rows: 1, failures: 2, heldInRow: 0 }, inHand };
  await using _ = compactor(lines, { before, onProgress: (now) => void progress.push(now) });
  await compacted(2);
  expect(
    await history.query("select revision::int from held_commit where released_at is null"),
  ).toEqual([{ revision: 1 }]);
  expect(lines.some((line) => line.includes("is held beside the log"))).toBe(true);
  // What is in hand is said before anything is done about it, and that it is decided, after it.
  await eventually("all is decided", () => progress.at(-1)?.inHand === undefined);
  expect(progress.map((now) => now.inHand?.first)).toContain(2);
  await ask(records);
});

test("after three failures one commit is held, the others go on, and the next process takes it up", {
  timeout: 120_000,
}, async () => {
  // Its sum is what no block may have.
  await history.query(
    "create trigger poison before insert on block for each row when (new.max = 666) execute function refuse_block()",
  );
  const records: RawRecord[] = [];
  for (let i = 0; i < 12; i++)
    await add(records, i % 2 ? "a" : "b", [[baseUs + i * 500_000, i === 7 ? 666 : i]]);
  const lines: string[] = [];
  {
    await using _running = compactor(lines);
    await compacted(12);
    await ask(records);
    await add(records, "a", [[baseUs + 3_500_000, 1]]);
    await compacted(13);
    await ask(records);
    for (let revision = 6; revision <= 13; revision++) await ask(records, revision);
  }
  expect(
    lines.filter((line) => line.includes("held beside the log")).map((line) => JSON.parse(line)),
  ).toMatchObject([{ level: "error", revision: 8, reason: "no block with 666" }]);
  expect(await history.query("select revision::int, reason from held_commit")).toEqual([
    { revision: 8, reason: "no block with 666" },
  ]);
  expect(
    await history.query("select held::int, lag_commits::int from millrace_v1.compaction"),
  ).toEqual([{ held: 1, lag_commits: 0 }]);
  const shown = await history.query(
    "select value from millrace_v1.samples('power', '-infinity', 'infinity') where value = 666",
  );
  expect(shown).toEqual([{ value: 666 }]);
  await history.query("drop trigger poison on block");
  {
    await using _running = compactor(lines);
    await add(records, "b", [[baseUs + 9_000_000, 1]]);
    await compacted(14);
    await eventually("it is in the history", async () => {
      const [row] = await history.query<{ samples: number }>(
        "select sum(count)::int as samples from block b where not exists (select from block_end e where e.block_id = b.block_id)",
      );
      return row!.samples === records.length;
    });
  }
  for (const revision of [8, 12, 13, 14]) await ask(records, revision);
  await history.tidy({ supersededMs: 0 });
  expect(await history.query("select from held_log")).toEqual([]);
  await ask(records);
});

test("what fails again is left alone by the process that tried it, and found all the same", {
  timeout: 60_000,
}, async () => {
  await history.query(
    "create trigger poison before insert on block for each row when (new.max = 666) execute function refuse_block()",
  );
  const records: RawRecord[] = [];
  await add(records, "a", [[baseUs, 666]]);
  await holdCommit(
    history.database,
    { from: 0, epoch: undefined, revision: 1, reason: "test", unreadable: [] },
    { abort: unaborted },
  );
  const lines: string[] = [];
  await using _running = compactor(lines);
  for (let i = 0; i < 3; i++) {
    await add(records, "a", [[baseUs + i * 500_000, i]]);
    await compacted(records.length);
  }
  expect(lines.filter((line) => line.includes("a step of compaction failed")).length).toBe(1);
  await ask(records);
});

test("the newest samples are right although a moment before nothing was held", async () => {
  const records: RawRecord[] = [];
  await add(records, "a", [[baseUs, 1]]);
  await ask(records, 1, { parts: ["latest"] });
  const held = { from: 0, epoch: undefined, revision: 1, reason: "test", unreadable: [] };
  await holdCommit(history.database, held, { abort: unaborted });
  await ask(records, 1, { parts: ["latest"] });
});

type Act =
  | { batch: RandomBatch }
  | { compact: number }
  | { hold: true }
  | { release: true }
  | { settle: true };
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: anyBatch.map((batch) => ({ batch })) },
  { weight: 2, arbitrary: fc.constantFrom(1, 20_000).map((compact) => ({ compact })) },
  { weight: 3, arbitrary: fc.constant({ hold: true as const }) },
  { weight: 2, arbitrary: fc.constant({ release: true as const }) },
  { weight: 1, arbitrary: fc.constant({ settle: true as const }) },
);

test("whatever is held and released, whenever: every answer is what the raw records say", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        acts: fc.array(act, { minLength: 4, maxLength: 14, size: "max" }),
        window: anyWindow,
        old: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      forAtMost(15_000, async ({ acts, window, old }) => {
        await history.clear();
        const records: RawRecord[] = [];
        for (const one of acts) {
          if ("batch" in one) {
            const { revision } = await history.ingest(toBatch(one.batch));
            for (const record of toRecords(one.batch, revision)) records.push(record);
          }
          if ("compact" in one) await history.compact({ maxRows: one.compact });
          if ("settle" in one) await history.compactAll();
          const [state] = await history.query<{ from: number; held: number | null; head: number }>(
            `select (select max(revision) from watermark)::int as from, (select min(revision) from held_commit where released_at is null)::int as held,
               (select coalesce(max(revision), 0) from receipt)::int as head`,
          );
          const { from, held, head } = state!;
          if ("hold" in one && from < head)
            await holdCommit(
              history.database,
              { from, epoch: undefined, revision: from + 1, reason: "test", unreadable: [] },
              { abort: unaborted },
            );
          if ("release" in one && held !== null) await history.compact({ held });
        }
        if (records.length === 0) return;
        const head = records.at(-1)!.revision;
        await ask(records, head, window);
        await ask(records, Math.floor(old * head), window);
      }),
    ),
    { numRuns: 8 },
  );
});
