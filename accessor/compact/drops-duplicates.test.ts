// Records that come again, in other batches, at any time, through one accessor or another: every
// answer is what the records say, each taken once.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Duplicates, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { forAtMost } from "../../test/testing/for-at-most.ts";
import { RecentRows } from "../ingest/recent-rows.ts";
import { Repeats } from "../ingest/repeats.ts";
import { Examiner, parts, type Question } from "../testing/answers.ts";
import { type BatchInit, column } from "../testing/batches.ts";
import { TestHistory, tickUs } from "../testing/history.ts";
import {
  anyBatch,
  anyWindow,
  baseUs,
  type RandomBatch,
  type RawRecord,
  toBatch,
  toRecords,
} from "../testing/records.ts";

let history: TestHistory;
/** Two accessors: one that remembers little, and one that remembers much. */
let accessors: Repeats[];
beforeAll(async () => {
  history = await TestHistory.open();
  const little = new RecentRows({ maxBytes: 2_000 });
  accessors = [new Repeats(history.database, little), new Repeats(history.database)];
});
afterAll(() => history[Symbol.asyncDispose]());

const mostMs = 12_000;

/** "meter" is not declared to drop anything. */
const kept = "meter";

/** What a source sends: some earlier batches again, cut in another way, with a new one. */
type Sent = { fresh: RandomBatch; again: number[]; cut: number };
type Act =
  | { together: Sent[]; accessor: number }
  | { compact: number }
  | { restart: number }
  | { settle: true };
const sent: fc.Arbitrary<Sent> = fc.record({
  fresh: anyBatch,
  again: fc.array(fc.nat(), { maxLength: 2 }),
  cut: fc.integer({ min: 1, max: 3 }),
});
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      together: fc.array(sent, { minLength: 1, maxLength: 4 }),
      accessor: fc.nat(1),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom(1, 3, 20_000).map((compact) => ({ compact })) },
  { weight: 1, arbitrary: fc.nat(1).map((restart) => ({ restart })) },
  { weight: 1, arbitrary: fc.constant({ settle: true as const }) },
);
const question: fc.Arbitrary<Question> = fc
  .record({
    window: anyWindow,
    pageSize: fc.constantFrom(1, 7, 5_000),
    widthUs: fc.constantFrom(7_000_000, 60_000_000, 3_600_000_000),
    points: fc.constantFrom(1, 10, 1_000),
    state: fc.integer({ min: 1, max: 4 }),
    parts: fc.shuffledSubarray([...parts], { minLength: 2, maxLength: 3 }),
  })
  .map(({ window, ...rest }) => ({ ...window, ...rest }));

/** Some records of a batch: every `cut`-th column's first part, and its events. */
function cutOf(batch: RandomBatch, cut: number): RandomBatch {
  const samples = batch.samples.map((column) => ({
    ...column,
    shuffled: false,
    values: column.values.slice(0, Math.ceil(column.values.length / cut)),
  }));
  return { ...batch, samples };
}

function declared(batch: RandomBatch): BatchInit {
  const { samples = [], ...rest } = toBatch(batch);
  return {
    ...rest,
    eventDuplicates: Duplicates.DROP,
    samples: samples.map((column) => ({
      ...column,
      duplicates: column.signal === kept ? Duplicates.UNSPECIFIED : Duplicates.DROP,
    })),
  } as BatchInit;
}

const keyOf = ({ machine, signal, timeUs, value, text }: RawRecord) =>
  `${machine} ${signal} ${timeUs} ${Object.is(value, -0) ? "-0" : value} ${text}`;

/** The records that brute force keeps: of equal ones the first, but for those of "meter". */
class Once {
  readonly records: RawRecord[] = [];
  readonly #seen = new Set<string>();

  add(records: readonly RawRecord[]): void {
    for (const record of records) {
      const key = keyOf(record);
      if (record.signal !== kept && this.#seen.has(key)) continue;
      this.#seen.add(key);
      this.records.push(record);
    }
  }
}

async function perform(acts: readonly Act[], once: Once): Promise<void> {
  const earlier: RandomBatch[] = [];
  for (const one of acts) {
    if ("compact" in one) await history.compact({ maxRows: one.compact });
    if ("restart" in one) accessors[one.restart]!.forget();
    if ("settle" in one) await settle(once);
    if (!("together" in one)) continue;
    const batches = one.together.flatMap(({ fresh, again, cut }) => {
      const repeated = again.flatMap((n) => earlier[n % Math.max(1, earlier.length)] ?? []);
      earlier.push(fresh);
      return [...repeated.map((batch) => cutOf(batch, cut)), fresh];
    });
    const decisions = await history.ingestTogether(batches.map(declared), accessors[one.accessor]);
    for (const [i, { outcome, revision }] of decisions.entries()) {
      expect(["stored", "decided"]).toContain(outcome);
      once.add(toRecords(batches[i]!, revision));
    }
  }
}

async function settle(once: Once): Promise<void> {
  const revision = await history.settle();
  once.add([
    {
      machine: "a",
      signal: "error",
      timeUs: tickUs,
      revision,
      position: 0,
      value: Severity.INFO,
      text: "tick",
    },
  ]);
}

const headOf = ({ records }: Once) =>
  records.reduce((most, { revision }) => Math.max(most, revision), 0);

test("answers at every revision have each record once, before and after compaction", {
  timeout: 120_000,
}, async () => {
  const scenario = fc.record({
    acts: fc.array(act, { minLength: 2, maxLength: 8, size: "max" }),
    later: fc.array(act, { maxLength: 4, size: "max" }),
    questions: fc.tuple(question, question),
    old: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(
      scenario,
      forAtMost(mostMs, async ({ acts, later, questions, old }) => {
        await history.clear();
        for (const repeats of accessors) repeats.forget();
        const once = new Once();
        await perform(acts, once);
        const head = headOf(once);
        const oldRevision = Math.floor(old * head);
        const ask = (revision: number, asked: Question) =>
          new Examiner(history, { records: once.records, revision, question: asked }).run();
        await ask(head, questions[0]);
        await perform(later, once);
        await ask(oldRevision, questions[1]);
        await history.compactAll({ maxRows: 5 });
        await ask(oldRevision, questions[1]);
        await ask(headOf(once), questions[0]);
        await expectOnceInBlocks(once);
      }),
    ),
    { numRuns: 30 },
  );
});

test("an accessor that was idle for long looks at what others have committed", async () => {
  await history.clear();
  let nowMs = 0;
  const idle = new Repeats(history.database, new RecentRows(), () => nowMs);
  const busy = new Repeats(history.database);
  const heat = (from: number, to: number) => ({
    machine: "a",
    samples: [
      {
        ...column(
          "heat",
          Array.from({ length: to - from }, (_, i) => [baseUs + (from + i) * 1_000, i] as const),
        ),
        duplicates: Duplicates.DROP,
      },
    ],
  });
  await history.ingestTogether([heat(0, 5)], idle);
  await history.ingestTogether([heat(5, 9)], busy);
  await history.settle();
  // What is superseded is gone: nothing can be read as of the commit that `idle` knows.
  await history.tidy({ supersededMs: 0 });
  nowMs += 60_000;
  const [decision] = await history.ingestTogether([heat(0, 5)], idle);
  expect(decision!.outcome).toBe("decided");
});

/** All samples are compacted: what SQL reads has each once. */
async function expectOnceInBlocks({ records }: Once): Promise<void> {
  const rows = await history.query<{ machine: string; signal: string; count: string }>(
    `select m.name as machine, s.signal, sum(b.count) as count
     from block b join series s on s.id = b.series_id join machine m on m.id = s.machine_id
     where not exists (select from block_end e where e.block_id = b.block_id) group by 1, 2`,
  );
  const counted = Object.fromEntries(
    rows.map(({ machine, signal, count }) => [`${machine} ${signal}`, Number(count)]),
  );
  const expected: Record<string, number> = {};
  for (const { machine, signal } of records) {
    if (signal === "state" || signal === "error") continue;
    expected[`${machine} ${signal}`] = (expected[`${machine} ${signal}`] ?? 0) + 1;
  }
  expect(counted).toEqual(expected);
}
