// Rolls hours up while nothing is committed: ahead of the next step of compaction
// (docs/decisions/0013).
import type { Epochs } from "../domain/epochs.ts";
import { hourUs } from "../history/buckets-of-time.ts";
import { commitAhead } from "../store/compact.ts";
import type { Database } from "../store/database.ts";
import { commitTime } from "../store/log.ts";
import { HourRanges } from "./hour-ranges.ts";
import { type RollUpOptions, rollUpDue } from "./roll-up-due.ts";

export type AheadOptions = RollUpOptions & {
  /** What began in another epoch is not committed. Default: not looked at. */
  epochs?: Pick<Epochs, "current">;
};

/** hours: rolled up. moreHours: as of a step; false if none could be rolled up. */
export type AheadResult = { from: number; hours: number; moreHours: boolean };

/**
 * Undefined if no hour is due and over: then it has cost one query. The next step takes away what
 * it touches of these roll-ups.
 */
export async function rollUpAhead(options: AheadOptions): Promise<AheadResult | undefined> {
  const { database, nowUs, settleUs, abort } = options;
  const epoch = options.epochs?.current;
  const { from, beganUs, due } = await lookForDue(database, {
    endedBeforeUs: nowUs() - settleUs,
    abort,
  });
  if (!due) return undefined;
  const none = new HourRanges({ frozenBeforeUs: Number.MIN_SAFE_INTEGER });
  const untouched = { from, touched: [], touchedStates: none, governedStates: none };
  const { rollups, stateRollups, hours, moreHours } = await rollUpDue(options, untouched);
  if (hours === 0) return { from, hours, moreHours: false };
  const done = await commitAhead(
    database,
    { epoch, from, beganUs, rollups, stateRollups },
    { abort },
  );
  return { from, hours: done ? hours : 0, moreHours: done && moreHours };
}

/** The watermark, and whether any hour is due that is over. beganUs: by the database's clock. */
async function lookForDue(
  database: Database,
  { endedBeforeUs, abort }: { endedBeforeUs: number; abort: AbortSignal },
): Promise<{ from: number; beganUs: number; due: boolean }> {
  const [row] = await database.read(
    `select w.revision, to_us(clock_timestamp()),
       exists (select from rollup_due where hour_us <= $1::int8)
         or exists (select from rollup_state_due where hour_us <= least($1::int8, ${commitTime("w.revision")} - ${hourUs}))
     from (select max(revision) as revision from watermark) w`,
    [endedBeforeUs - hourUs],
    { name: "due_ahead", abort },
  );
  const [from, beganUs, due] = row as [number, number, boolean];
  return { from, beganUs, due };
}
