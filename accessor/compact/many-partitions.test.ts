// A database in which an older version made a partition for each week that anything came from: it
// opens, answers everybody, and heals.
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fewPartitions } from "../store/block-parts.ts";
import { weekUs } from "../store/block-spans.ts";
import { forgetLayout } from "../store/layout.ts";
import { Examiner, parts } from "../testing/answers.ts";
import { column } from "../testing/batches.ts";
import { TestHistory, tickUs } from "../testing/history.ts";
import { baseUs, type RawRecord } from "../testing/records.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());

const nowUs = () => baseUs + 3_600e6;
const weekly = 400;
/** Ten years back. */
const firstUs = Math.floor(baseUs / weekUs - 520) * weekUs;

async function partitions(): Promise<number> {
  const [row] = await history.query<{ count: number }>(
    "select count(*)::int from pg_inherits where inhparent = 'block'::regclass",
  );
  return row!.count;
}

/** As 0004 had it: a week each, here every other. */
async function makeWeeks(): Promise<void> {
  for (let week = 0; week < weekly; week++)
    await history.query("select make_block_partition($1::bigint)", [
      firstUs + Math.floor(week * 1.2) * weekUs,
    ]);
  forgetLayout(history.database);
}

/** Whose answers have silences: to walk all minutes of ten years takes a minute. */
const ofMinutes: readonly string[] = ["states", "summaries", "intervals"];

function ask(records: readonly RawRecord[], window: { fromUs: number; toUs: number }) {
  const { revision } = records.at(-1)!;
  const question = {
    ...window,
    pageSize: 3,
    widthUs: Math.max(3_600e6, Math.floor((window.toUs - window.fromUs) / 50)),
    points: 5,
    state: 1,
    parts:
      window.toUs - window.fromUs > 12 * weekUs
        ? parts.filter((part) => !ofMinutes.includes(part))
        : parts,
  };
  return new Examiner(history, { records, revision, question }).run();
}

test("a batch over all weeks is compacted, others' reads open no partition but their own, and old ones are merged", {
  timeout: 240_000,
}, async () => {
  await makeWeeks();
  expect(await partitions()).toBe(weekly);
  const records: RawRecord[] = [];
  const add = async (machine: string, timesUs: readonly number[]) => {
    const { revision } = await history.ingest({
      machine,
      samples: [
        {
          ...column(
            "power",
            timesUs.map((timeUs, i) => [timeUs, i]),
          ),
          unit: "W",
          maxGap: { seconds: 1n },
        },
      ],
    });
    for (const [position, timeUs] of timesUs.entries())
      records.push({
        machine,
        signal: "power",
        timeUs,
        revision,
        position,
        value: position,
        text: "",
      });
  };
  await add("a", [baseUs, baseUs + 10_000]);
  await history.compactAll({ nowUs });
  await add("a", [baseUs + 500_000]);

  // Whoever opens this one waits, and fails after 10 s: as it would if the lock table were full.
  await using blocker = await session();
  const old = await history.query<{ name: string }>(
    "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'block'::regclass order by 1 limit 40",
  );
  await blocker.client.query(
    `begin; lock table ${old.map(({ name }) => name).join(", ")} in access exclusive mode`,
  );
  await ask(records, { fromUs: baseUs - 3_600e6, toUs: baseUs + 3_600e6 });
  await history.compactAll({ nowUs });
  await add("a", [baseUs - 5_000]);
  const tick = {
    machine: "a",
    signal: "error",
    timeUs: tickUs,
    position: 0,
    value: 1,
    text: "tick",
  };
  records.push({ ...tick, revision: await history.settle() });
  await history.tidy({ nowUs, supersededMs: 0 }).catch(() => {});
  expect(await history.query("select count(*)::int as ended from block_end")).toEqual([
    { ended: 0 },
  ]);
  await ask(records, { fromUs: baseUs - 3_600e6, toUs: baseUs + 3_600e6 });
  expect(
    await history.query("select value from millrace_v1.samples('power', $1, $2) order by time", [
      new Date(baseUs / 1000 - 1_000),
      new Date(baseUs / 1000 + 1_000),
    ]),
  ).toEqual([{ value: 0 }, { value: 0 }, { value: 1 }, { value: 0 }]);
  await blocker.client.query("rollback");

  // The poison: a sample in each week.
  await add(
    "b",
    Array.from({ length: 520 }, (_, week) => firstUs + week * weekUs + 1_234),
  );
  const steps = [];
  for (
    let step = await history.compact({ nowUs, maxPartitions: 16 });
    step;
    step = await history.compact({ nowUs, maxPartitions: 16 })
  )
    steps.push(step);
  expect(steps.at(-1)).toMatchObject({ samples: 520, more: false });
  expect(await partitions()).toBeLessThan(170);
  await ask(records, { fromUs: baseUs - 3_600e6, toUs: baseUs + 3_600e6 });
  for (const weeks of [12, 60])
    await ask(records, { fromUs: firstUs, toUs: firstUs + weeks * weekUs });
  // What was not merged for the step is by and by.
  for (
    let count = await partitions(), before = Infinity;
    count < before && count > fewPartitions;
    count = await partitions()
  ) {
    before = count;
    await history.tidy({ nowUs });
  }
  await ask(records, { fromUs: firstUs, toUs: baseUs + 3_600e6 });
  await ask(records, { fromUs: firstUs, toUs: firstUs + 12 * weekUs });
  const [row] = await history.query<{ samples: number }>(
    "select sum(count)::int as samples from block",
  );
  expect(row).toEqual({ samples: records.length - 1 });
});

async function session(): Promise<{ client: pg.Client } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: history.url });
  client.on("error", () => {});
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
