// Commits a step of compaction: its blocks in portions, then the ends of replaced blocks, roll-ups
// and the new watermark; all in one transaction.
import type { Client } from "pg";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";
import { toFailure } from "./errors.ts";
import {
  addBlocks,
  addHourRollups,
  addStateRollups,
  noteAlive,
  noteChangedHours,
  noteTouched,
  noteUnreadable,
  touchStates,
} from "./step-calls.ts";
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
  /** The epoch of everything in the step; undefined: any. */
  epoch: number | undefined;
  /** The watermark that the step starts from, and the one that it sets. */
  from: number;
  through: number;
  portions: AsyncIterable<Rewritten>;
  touched: Hour[];
  rollups: SeriesRollup[];
  /** Hours of machines that change, and ranges in which known hours change. */
  touchedStates: HourRange[];
  governedStates: HourRange[];
  stateRollups: StateRollup[];
  unreadable: Unreadable[];
  touches: Touch[];
  /** A held commit that is included, if any. */
  released: number | undefined;
};

/**
 * Fails without any effect if the watermark is not at `from` or the epoch differs. Returns how many
 * blocks were added and removed.
 */
export async function commitStep(
  database: Database,
  step: Step,
  { abort }: { abort: AbortSignal },
): Promise<{ blocks: number; ended: number }> {
  return inStep(database, step, abort, async (client) => {
    const count = { blocks: 0, ended: 0 };
    for await (const portion of step.portions) {
      await client.query(addBlocks(step.through, portion));
      count.blocks += portion.blocks.length;
      count.ended += portion.ended.length;
    }
    await client.query(noteTouched(step.touches));
    await client.query(noteAlive(step.through, step.touches));
    await client.query(touchStates(step.through, step.touchedStates, step.governedStates));
    if (step.released !== undefined)
      await client.query("select release_commit($1::int8, $2::int8)", [
        step.released,
        step.through,
      ]);
    await endStep(client, step);
    return count;
  });
}

/**
 * Skips the one commit after the watermark: all of it is held beside the log (see held.ts), except
 * its unreadable rows.
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
    await endStep(client, { through: revision, ...nothing });
  });
}

/**
 * Writes roll-ups as of the newest watermark while nothing is committed. They are valid from the
 * next revision on, so no answer as of an existing revision changes. Returns false, and writes
 * nothing, if a declaration has changed since beganUs, by the database's clock.
 */
export async function commitIdleRollUps(
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
    const { rows } = await client.query<{ may: boolean }>(
      "select may_roll_up_ahead($1::int8) as may",
      [beganUs],
    );
    if (!rows[0]!.may) return false;
    await addRollups(client, place.from + 1, { rollups, stateRollups });
    return true;
  });
}

/** The results of a step, besides blocks. */
type Outcome = Pick<Step, "through" | "touched" | "rollups" | "stateRollups" | "unreadable">;

/** Writes them by subject, skipping those without rows, and then the watermark. */
async function endStep(client: Client, step: Outcome): Promise<void> {
  const { through, touched, unreadable } = step;
  if (touched.length > 0) await client.query(noteChangedHours(through, touched));
  await addRollups(client, through, step);
  if (unreadable.length > 0) await client.query(noteUnreadable(unreadable));
  await client.query("select end_step($1::int8)", [through]);
}

/** The revision from which they are valid. */
async function addRollups(
  client: Client,
  validFrom: number,
  { rollups, stateRollups }: Pick<Step, "rollups" | "stateRollups">,
): Promise<void> {
  if (rollups.length > 0) await client.query(addHourRollups(validFrom, rollups));
  if (stateRollups.length > 0) await client.query(addStateRollups(validFrom, stateRollups));
}

/** The state that a step requires: the watermark, and the epoch, if it is checked. */
type Place = Pick<Step, "from" | "epoch">;

/** Runs one transaction that checks this state first. */
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

// If an accessor freezes, the others wait at most 30 s.
const begin = `begin; set local jit = off; set local synchronous_commit = on; set local lock_timeout = '10s'; set local statement_timeout = '120s';
  set local idle_in_transaction_session_timeout = '30s'`;

/** Uncommitted work ends with the connection. */
async function close(client: Client): Promise<void> {
  await client.end().catch(() => {});
}
