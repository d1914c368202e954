// Whatever comes in whatever order, compacted at whatever moments: every answer is what the raw
// records say, at every revision that is kept.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Severity } from "#gen/millrace/v1/signal_pb.ts";
import { forAtMost } from "../../test/testing/for-at-most.ts";
import { Failure } from "../domain/failure.ts";
import { Examiner, parts, type Question } from "../testing/answers.ts";
import { column } from "../testing/batches.ts";
import { TestHistory, tickUs } from "../testing/history.ts";
import {
  anyBatch,
  anyWindow,
  baseUs,
  numericSignals,
  type RandomBatch,
  type RawRecord,
  toBatch,
  toRecords,
} from "../testing/records.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());

const mostMs = 15_000;

const limits = fc.record({
  maxRows: fc.constantFrom(1, 2, 3, 20_000),
  maxPayloadBytes: fc.constantFrom(1, 300, 2 ** 23),
  maxSamples: fc.constantFrom(1, 100, 2_000_000),
  maxBuckets: fc.constantFrom(1, 20, 1_000_000),
  maxWeeks: fc.constantFrom(1, 200),
  maxTouchedHours: fc.constantFrom(0, 5, 1_000_000),
  maxRewritten: fc.constantFrom(0, 3_000, 4_000_000),
  maxAtOnce: fc.constantFrom(1, 100, 262_144),
  maxRollups: fc.constantFrom(1, 3, 500),
  maxPartitions: fc.constantFrom(1, 100),
  nowUs: fc
    .constantFrom(0, 60, 120, 180, 60 * 24 * 365)
    .map((minutes) => () => baseUs + minutes * 60_000_000),
});
type Limits = typeof limits extends fc.Arbitrary<infer T> ? T : never;
/**
 * ahead: rolls hours up as if nothing were committed any more. settle: compacts until nothing is
 * left to do, so that whole hours are rolled up.
 */
type Act = { batch: RandomBatch } | { compact: Limits } | { idle: Limits } | { settle: true };
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: anyBatch.map((batch) => ({ batch })) },
  { weight: 3, arbitrary: limits.map((compact) => ({ compact })) },
  { weight: 3, arbitrary: limits.map((idle) => ({ idle })) },
  { weight: 2, arbitrary: fc.constant({ settle: true as const }) },
);
const question: fc.Arbitrary<Question> = fc
  .record({
    window: anyWindow,
    pageSize: fc.constantFrom(1, 2, 7, 100, 5_000),
    widthUs: fc.oneof(
      fc.constantFrom(1_000, 7_000_000, 60_000_000, 90_000_001, 3_540_000_000),
      fc.constantFrom(3_600_000_000, 7_200_000_000),
    ),
    points: fc.constantFrom(1, 10, 1_000),
    state: fc.integer({ min: 1, max: 4 }),
    // All of them each time would take most of the test's time for pages.
    parts: fc.shuffledSubarray([...parts], { minLength: 2, maxLength: 3 }),
  })
  .map(({ window, ...rest }) => ({ ...window, ...rest }));

async function perform(acts: readonly Act[], records: RawRecord[]): Promise<void> {
  for (const one of acts) {
    if ("compact" in one) await history.compact(one.compact);
    if ("idle" in one) await history.rollUpWhileIdle(one.idle);
    if ("settle" in one) await settle(records);
    if (!("batch" in one)) continue;
    const { revision } = await history.ingest(toBatch(one.batch));
    for (const record of toRecords(one.batch, revision)) records.push(record);
  }
}

async function settle(records: RawRecord[]): Promise<void> {
  const revision = await history.settle();
  records.push({
    machine: "a",
    signal: "error",
    timeUs: tickUs,
    revision,
    position: 0,
    value: Severity.INFO,
    text: "tick",
  });
}

const headOf = (records: readonly RawRecord[]) => records.at(-1)?.revision ?? 0;

test("answers equal the raw records, now and at old revisions, before and after compaction and tidying", {
  timeout: 120_000,
}, async () => {
  const scenario = fc.record({
    acts: fc.array(act, { minLength: 1, maxLength: 10, size: "max" }),
    // Not compacted when first asked about.
    fresh: fc.array(anyBatch, { maxLength: 3 }),
    later: fc.array(act, { maxLength: 8, size: "max" }),
    questions: fc.tuple(question, question, question),
    old: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(
      scenario,
      forAtMost(mostMs, async ({ acts, fresh, later, questions, old }) => {
        await history.clear();
        const records: RawRecord[] = [];
        await perform([...acts, ...fresh.map((batch) => ({ batch }))], records);
        const head = headOf(records);
        const oldRevision = Math.floor(old * head);
        const ask = (revision: number, asked: Question) =>
          new Examiner(history, { records, revision, question: asked }).run();
        await ask(head, questions[0]);
        await ask(oldRevision, questions[1]);

        await perform(later, records);
        await ask(head, questions[0]);
        await ask(oldRevision, questions[1]);
        await history.compactAll({ maxRows: 5 });
        await ask(oldRevision, questions[1]);
        await ask(headOf(records), questions[2]);
        await ask(head, questions[2]);

        await settle(records);

        await history.tidy({ supersededMs: 0, maxDropped: 2 });
        await ask(headOf(records), questions[1]);
        await expectTidy(records);
        const [kept] = await history.query<{ lowest: string }>(
          "select min(revision) as lowest from watermark",
        );
        if (oldRevision < Number(kept!.lowest) && records.some(({ signal }) => signal === "power"))
          await expect(
            new Examiner(history, {
              records,
              revision: oldRevision,
              question: questions[1],
            }).ranges(),
          ).rejects.toThrow(Failure);
      }),
    ),
    { numRuns: 9 },
  );
});

/** Moved to within ten minutes of a whole hour. */
function nearAnHour(batch: RandomBatch): RandomBatch {
  const near = (timeUs: number) => baseUs + 25 * 60_000_000 + (timeUs % 600_000_000);
  return {
    ...batch,
    samples: batch.samples.map((column) => ({ ...column, startUs: near(column.startUs) })),
    events: batch.events.map((event) => ({ ...event, timeUs: near(event.timeUs) })),
  };
}

test("what is not compacted yet counts among hours that are rolled up already", {
  timeout: 120_000,
}, async () => {
  const some = fc.array(anyBatch.map(nearAnHour), { minLength: 1, maxLength: 4 });
  const scenario = fc.record({ rolledUp: some, partly: some, fresh: some, limits });
  const window = { fromUs: baseUs - 90 * 60_000_000, toUs: baseUs + 450 * 60_000_000 };
  const asked = {
    ...window,
    pageSize: 1,
    widthUs: 3_600_000_000,
    points: 1,
    state: 1,
    parts: ["buckets", "summaries"] as const,
  };
  await fc.assert(
    fc.asyncProperty(
      scenario,
      forAtMost(mostMs, async ({ rolledUp, partly, fresh, limits: small }) => {
        await history.clear();
        const records: RawRecord[] = [];
        const ask = () =>
          new Examiner(history, { records, revision: headOf(records), question: asked }).run();
        const add = (batches: RandomBatch[]) =>
          perform(
            batches.map((batch) => ({ batch })),
            records,
          );
        await add(rolledUp);
        await settle(records);
        await history.rollUpWhileIdle();
        await add(partly);
        await ask();
        const afterRolledUp = headOf(records);
        await add(fresh);
        // A step that takes what changed some hours, and leaves what changes others.
        await history.compact({ ...small, maxRows: 1, maxPartitions: 100 });
        await history.rollUpWhileIdle();
        await ask();
        await new Examiner(history, { records, revision: afterRolledUp, question: asked }).run();
      }),
    ),
    { numRuns: 8 },
  );
});

test("samples at equal times stay in the order of their commits, whatever blocks they come into", {
  timeout: 120_000,
}, async () => {
  const moment = fc.integer({ min: 0, max: 5 });
  const acts = fc.array(
    fc.record({ timesUs: fc.array(moment, { minLength: 1, maxLength: 4 }), compact: fc.boolean() }),
    { minLength: 2, maxLength: 8 },
  );
  let next = 0;
  await fc.assert(
    fc.asyncProperty(
      acts,
      forAtMost(mostMs, async (several) => {
        await history.clear();
        const records: RawRecord[] = [];
        for (const { timesUs, compact } of several) {
          const values = timesUs.map((timeUs) => [baseUs + timeUs, ++next] as const);
          const { revision } = await history.ingest({
            machine: "a",
            samples: [column("power", values)],
          });
          for (const [position, [timeUs, value]] of values.entries())
            records.push({
              machine: "a",
              signal: "power",
              timeUs,
              revision,
              position,
              value,
              text: "",
            });
          if (compact) await history.compact({ maxRollups: 0 });
        }
        const asked = {
          fromUs: baseUs,
          toUs: baseUs + 9,
          pageSize: 2,
          widthUs: 1_000,
          points: 1,
          state: 1,
        };
        const revision = headOf(records);
        await new Examiner(history, {
          records,
          revision,
          question: { ...asked, parts: ["ranges", "pages", "latest"] },
        }).run();
      }),
    ),
    { numRuns: 16 },
  );
});

/** Nothing superseded is left, and nothing else is gone. */
async function expectTidy(records: readonly RawRecord[]): Promise<void> {
  const [left] = await history.query(
    `select (select count(*)::int from watermark) as watermarks, (select count(*)::int from block_end) as ended,
       (select coalesce(sum(count), 0)::int from block) as samples,
       (select count(*)::int from (select from rollup_hour group by series_id, hour_us having count(*) > 1) doubles) as hours,
       (select count(*)::int from (select from rollup_state group by machine_id, width_us, start_us having count(*) > 1) doubles) as states,
       (select count(*)::int from rollup_due) + (select count(*)::int from rollup_state_due) as due`,
  );
  const samples = records.filter(({ signal }) =>
    numericSignals.some((one) => one === signal),
  ).length;
  expect(left).toEqual({ watermarks: 1, ended: 0, samples, hours: 0, states: 0, due: 0 });
}
