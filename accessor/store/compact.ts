// Commits a step of compaction: its blocks in portions, then ends, roll-ups and the new watermark;
// in one transaction, all or nothing.
import type { Client } from "pg";
import type { Summary } from "../history/summary.ts";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";
import { toFailure } from "./errors.ts";
import type {
  Hour,
  HourRange,
  Rewritten,
  SeriesRollup,
  StateRollup,
  Touch,
  Unreadable,
} from "./step-rows.ts";

export type Step = {
  /** That everything in here is of; undefined: any. */
  epoch: number | undefined;
  /** The watermark that the step starts from, and the one that it sets. */
  from: number;
  through: number;
  portions: AsyncIterable<Rewritten>;
  touched: Hour[];
  rollups: SeriesRollup[];
  /** Hours of machines that change, and ranges in which those change that are known. */
  touchedStates: HourRange[];
  governedStates: HourRange[];
  stateRollups: StateRollup[];
  unreadable: Unreadable[];
  touches: Touch[];
  /** A commit that was held and is in here, if any. */
  released: number | undefined;
};

/**
 * Fails, and leaves nothing behind, if the watermark is not at `from` or the epoch is another.
 * Answers how many blocks came and went.
 */
export async function commitStep(
  database: Database,
  step: Step,
  { abort }: { abort: AbortSignal },
): Promise<{ blocks: number; ended: number }> {
  return inStep(database, step, abort, async (client) => {
    const count = { blocks: 0, ended: 0 };
    for await (const portion of step.portions) {
      await client.query(call("add_blocks", addBlocks, portionValues(step.through, portion)));
      count.blocks += portion.blocks.length;
      count.ended += portion.ended.length;
    }
    await client.query(call("note_touched", noteTouched, touchValues(step.touches)));
    await client.query(
      call("note_alive", noteAlive, [step.through, ...touchValues(step.touches).slice(0, 2)]),
    );
    await client.query(
      call("touch_states", touchStates, [
        step.through,
        ...rangeArrays(step.touchedStates),
        ...rangeArrays(step.governedStates),
      ]),
    );
    if (step.released !== undefined)
      await client.query("select release_commit($1::int8, $2::int8)", [
        step.released,
        step.through,
      ]);
    await client.query(call("end_step", endStep, stepValues(step)));
    return count;
  });
}

/**
 * Passes over the one commit after the watermark: all of it is held beside the log (see held.ts),
 * but what cannot be read.
 */
export async function holdCommit(
  database: Database,
  {
    revision,
    reason,
    unreadable,
    ...place
  }: Place & { revision: number; reason: string; unreadable: Unreadable[] },
  { abort }: { abort: AbortSignal },
): Promise<void> {
  await inStep(database, place, abort, async (client) => {
    const lost = toArray.int4(unreadable.map(({ seriesId }) => seriesId));
    await client.query("select hold_commit($1::int8, $2::text, $3::int4[])", [
      revision,
      reason,
      lost,
    ]);
    const nothing = { touched: [], rollups: [], stateRollups: [], unreadable };
    await client.query(call("end_step", endStep, stepValues({ through: revision, ...nothing })));
  });
}

/**
 * Writes what was rolled up as of the newest watermark while nothing is committed. It holds from
 * the next revision on: no answer as of a revision that there is changes. False, and nothing is
 * written, if a declaration has changed since beganUs, by the database's clock.
 */
export async function commitAhead(
  database: Database,
  {
    beganUs,
    rollups,
    stateRollups,
    ...place
  }: Place & Pick<Step, "rollups" | "stateRollups"> & { beganUs: number },
  { abort }: { abort: AbortSignal },
): Promise<boolean> {
  return inStep(database, place, abort, async (client) => {
    const values = [
      place.from,
      beganUs,
      ...rollupValues(rollups),
      ...stateRollupValues(stateRollups),
    ];
    const { rows } = await client.query<{ done: boolean }>(
      call("roll_up_ahead", rollUpAhead, values, "done"),
    );
    return rows[0]!.done;
  });
}

/** What a step stands on: the watermark, and the epoch, if it is looked at. */
type Place = Pick<Step, "from" | "epoch">;

/** One transaction that begins with a look at these. */
async function inStep<Answer>(
  database: Database,
  { from, epoch }: Place,
  abort: AbortSignal,
  work: (client: Client) => Promise<Answer>,
): Promise<Answer> {
  const client = await database.connect();
  const leave = () => void client.end().catch(() => {});
  abort.addEventListener("abort", leave, { once: true });
  try {
    abort.throwIfAborted();
    await client.query(begin);
    await client.query("select set_config('millrace.epoch', $1::text, true)", [
      epoch?.toString() ?? "",
    ]);
    await client.query("select begin_step($1::int8)", [from]);
    const answer = await work(client);
    await client.query("commit");
    return answer;
  } catch (error) {
    if (abort.aborted) throw abort.reason;
    throw toFailure(error);
  } finally {
    abort.removeEventListener("abort", leave);
    await close(client);
  }
}

// Of a frozen accessor, the others wait 30 s at most.
const begin = `begin; set local jit = off; set local synchronous_commit = on; set local lock_timeout = '10s'; set local statement_timeout = '120s';
  set local idle_in_transaction_session_timeout = '30s'`;

/** What was not committed goes with the connection. */
async function close(client: Client): Promise<void> {
  await client.end().catch(() => {});
}

function call(name: string, types: readonly string[], values: unknown[], as = name) {
  return {
    text: `select ${name}(${types.map((type, i) => `$${i + 1}::${type}`).join(", ")}) as ${as}`,
    values,
  };
}

// As the functions declare them.
const summaryTypes = [...Array<string>(5).fill("int8[]"), ...Array<string>(6).fill("float8[]")];
const addBlocks = [
  "int8",
  "int4[]",
  "int8[]",
  "int4[]",
  ...summaryTypes,
  "bytea[]",
  "bytea[]",
  "int8[]",
  "int4[]",
  "int8[]",
];
const noteTouched = ["int4[]", "int8[]", "int8[]"];
const noteAlive = ["int8", "int4[]", "int8[]"];
const touchStates = ["int8", "int4[]", "int8[]", "int8[]", "int4[]", "int8[]", "int8[]"];
const rollupTypes = ["int4[]", "int8[]", "int8[]", ...summaryTypes];
const stateRollupTypes = ["int4[]", "int8[]", "int8[]", "int4[]", "int8[]", "int8[]", "float8[]"];
const rollUpAhead = ["int8", "int8", ...rollupTypes, ...stateRollupTypes];
const endStep = [
  "int8",
  ...["int4[]", "int8[]"],
  ...rollupTypes,
  ...["int4[]", "int8[]"],
  ...stateRollupTypes,
  ...["int8[]", "int4[]", "text[]"],
];

function portionValues(through: number, { blocks, ended }: Rewritten): unknown[] {
  return [
    through,
    toArray.int4(blocks.map(({ series }) => series.id)),
    toArray.int8(blocks.map(({ bucketUs }) => bucketUs)),
    toArray.int4(blocks.map(({ summary }) => summary.count)),
    ...summaryArrays(blocks.map(({ summary }) => summary)),
    toArray.bytea(blocks.map(({ payload }) => payload)),
    toArray.bytea(blocks.map(({ commits }) => commits)),
    toArray.int8(ended.map(({ blockId }) => blockId)),
    toArray.int4(ended.map(({ seriesId }) => seriesId)),
    toArray.int8(ended.map(({ bucketUs }) => bucketUs)),
  ];
}

function touchValues(touches: readonly Touch[]): unknown[] {
  return [
    toArray.int4(touches.map(({ seriesId }) => seriesId)),
    toArray.int8(touches.map(({ minuteUs }) => minuteUs)),
    toArray.int8(touches.map(({ revision }) => revision)),
  ];
}

function rangeArrays(ranges: readonly HourRange[]): Buffer[] {
  return [
    toArray.int4(ranges.map(({ machineId }) => machineId)),
    toArray.int8(ranges.map(({ fromUs }) => fromUs)),
    toArray.int8(ranges.map(({ toUs }) => toUs)),
  ];
}

function stepValues({
  through,
  touched,
  rollups,
  stateRollups,
  unreadable,
}: Pick<Step, "through" | "touched" | "rollups" | "stateRollups" | "unreadable">): unknown[] {
  return [
    through,
    toArray.int4(touched.map(({ id }) => id)),
    toArray.int8(touched.map(({ hourUs }) => hourUs)),
    ...rollupValues(rollups),
    // Hours of machines: touch_states has done them.
    toArray.int4([]),
    toArray.int8([]),
    ...stateRollupValues(stateRollups),
    toArray.int8(unreadable.map(({ revision }) => revision)),
    toArray.int4(unreadable.map(({ seriesId }) => seriesId)),
    toArray.text(unreadable.map(({ reason }) => reason)),
  ];
}

function rollupValues(rollups: readonly SeriesRollup[]): unknown[] {
  return [
    toArray.int4(rollups.map(({ series }) => series.id)),
    toArray.int8(rollups.map(({ hourUs }) => hourUs)),
    toArray.int8(rollups.map(({ summary }) => summary?.count ?? null)),
    ...summaryArrays(rollups.map(({ summary }) => summary)),
  ];
}

function stateRollupValues(rollups: readonly StateRollup[]): unknown[] {
  return [
    toArray.int4(rollups.map(({ machineId }) => machineId)),
    toArray.int8(rollups.map(({ widthUs }) => widthUs)),
    toArray.int8(rollups.map(({ startUs }) => startUs)),
    toArray.int4(rollups.map(({ totals }) => totals.transitions)),
    toArray.int8(rollups.flatMap(({ totals }) => [...totals.timeUs])),
    toArray.int8(rollups.flatMap(({ totals }) => [...totals.coveredUs])),
    toArray.float8(rollups.flatMap(({ totals }) => totals.integral.map(({ high }) => high))),
  ];
}

/** In the functions' order: times, then values. */
function summaryArrays(summaries: readonly (Summary | undefined)[]): Buffer[] {
  const times = ["firstUs", "lastUs", "minUs", "maxUs", "coveredUs"] as const;
  const values = ["min", "max", "first", "last"] as const;
  return [
    ...times.map((field) => toArray.int8(summaries.map((summary) => summary?.[field] ?? null))),
    toArray.float8(summaries.map((summary) => summary?.sum.high ?? null)),
    ...values.map((field) => toArray.float8(summaries.map((summary) => summary?.[field] ?? null))),
    toArray.float8(summaries.map((summary) => summary?.integral.high ?? null)),
  ];
}
