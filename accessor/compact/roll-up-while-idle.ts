// Rolls hours up while nothing is committed: ahead of the next step of compaction
// (docs/decisions/0013).
import type { Epochs } from "../domain/epochs.ts";
import { commitIdleRollUps } from "../store/compact.ts";
import { lookForDueHours } from "../store/due-hours.ts";
import { HourRanges } from "./hour-ranges.ts";
import { type RollUpOptions, rollUpDueHours } from "./roll-up-hours.ts";

export type IdleRollUpOptions = RollUpOptions & {
  /** What began in another epoch is not committed. Default: not looked at. */
  epochs?: Pick<Epochs, "current">;
};

/** hours: rolled up. moreHours: as of a step; false if none could be rolled up. */
export type IdleRollUpResult = { from: number; hours: number; moreHours: boolean };

/**
 * Undefined if no hour is due and over: then it has cost one query. The next step takes away what
 * it touches of these roll-ups.
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
