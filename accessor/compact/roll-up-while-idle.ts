// Rolls up hours while nothing is committed, ahead of the next step of compaction
// (docs/decisions/0013).
import type { Epochs } from "../domain/epochs.ts";
import { commitIdleRollUps } from "../store/compact.ts";
import { lookForDueHours } from "../store/due-hours.ts";
import { HourRanges } from "./hour-ranges.ts";
import { type RollUpOptions, rollUpDueHours } from "./roll-up-hours.ts";

export type IdleRollUpOptions = RollUpOptions & {
  /** Work that began in another epoch is not committed. Default: not checked. */
  epochs?: Pick<Epochs, "current">;
};

/** hours: how many were rolled up. moreHours: as in a step; false if none could be rolled up. */
export type IdleRollUpResult = { from: number; hours: number; moreHours: boolean };

/**
 * Undefined if no hour is due and over, which takes one query. The next step removes the roll-ups
 * that it touches.
 */
export async function rollUpWhileIdle(
  options: IdleRollUpOptions,
): Promise<IdleRollUpResult | undefined> {
  const { database, nowUs, settleUs, abort } = options;
  const epoch = options.epochs?.current;
  const { from, beganUs, due } = await lookForDueHours(database, {
    endedBeforeUs: nowUs() - settleUs,
    abort,
  });
  if (!due) return undefined;
  const none = new HourRanges({ frozenBeforeUs: Number.MIN_SAFE_INTEGER });
  const untouched = { from, touched: [], touchedStates: none, governedStates: none };
  const { rollups, stateRollups, hours, moreHours } = await rollUpDueHours(options, untouched);
  if (hours === 0) return { from, hours, moreHours: false };
  const done = await commitIdleRollUps(
    database,
    { epoch, from, beganUs, rollups, stateRollups },
    { abort },
  );
  return { from, hours: done ? hours : 0, moreHours: done && moreHours };
}
