// Rolls up hours that are due and over: decides how many at once, and which ones to leave out.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Catalog } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import type { Hour, SeriesRollup, StateRollup } from "../store/step-rows.ts";
import { readWatermarkTime } from "../store/watermark.ts";
import type { HourRanges } from "./hour-ranges.ts";
import { dueHours, keyOf, powerSignal } from "./hours-to-roll-up.ts";
import { rollUpSeries, rollUpStates } from "./rollups.ts";

export type RollUpLimits = {
  /** Most hours to roll up, of series and of machines, which take longer. */
  maxRollups: number;
  /**
   * How long it continues with further hours of machines. Default 5,000; at least one is rolled up.
   */
  maxRollUpMs?: number;
};

export type RollUpOptions = RollUpLimits & {
  database: Database;
  catalog: Catalog;
  /** The database's clock. */
  nowUs: () => number;
  /** How long after its end an hour is rolled up, to leave time for late records. */
  settleUs: number;
  abort: AbortSignal;
};

/**
 * hours: of series and of machines; an hour of a machine has several roll-ups. moreHours: whether
 * more may be due.
 */
export type RolledUp = {
  rollups: SeriesRollup[];
  stateRollups: StateRollup[];
  hours: number;
  moreHours: boolean;
};

/** The watermark, and what a step that begins there touches. */
export type Touched = {
  from: number;
  touched: readonly Hour[];
  touchedStates: HourRanges;
  governedStates: HourRanges;
};

/**
 * Hours that are due and over, as of a watermark. An hour that a step does not touch is the same
 * before and after the step: its roll-up is computed as of before, and valid after.
 */
export async function rollUpDueHours(
  { database, catalog, nowUs, settleUs, maxRollups, maxRollUpMs = 5_000, abort }: RollUpOptions,
  { from, touched, touchedStates, governedStates }: Touched,
): Promise<RolledUp> {
  const untilMs = performance.now() + maxRollUpMs;
  const context = { database, watermark: from, abort };
  const endedBeforeUs = nowUs() - settleUs;
  // Answers end at the newest commit: no state is known after it.
  const committedUs = await readWatermarkTime(database, from, { abort });
  const touchedKeys = new Set(touched.map(keyOf));
  const hours = await dueHours(database, "series", {
    endedBeforeUs,
    limit: maxRollups,
    isTouched: (hour) => touchedKeys.has(keyOf(hour)),
  });
  const rollups = await rollUpSeries(hours, { ...context, catalog });
  const stateHours = await dueHours(database, "machine", {
    endedBeforeUs: Math.min(endedBeforeUs, committedUs),
    limit: maxRollups,
    isTouched: ({ id, hourUs: at }) => touchedStates.has(id, at) || governedStates.has(id, at),
  });
  const stateRollups: StateRollup[] = [];
  let done = 0;
  if (stateHours.length > 0) {
    const machineIds = stateHours.map(({ id }) => id);
    const powers = await catalog.ofMachines(machineIds, powerSignal);
    const byMachine = new Map(powers.map((series) => [series.machineId, series]));
    for (const hour of stateHours) {
      if (done > 0 && performance.now() > untilMs) break;
      const rolledUp = await rollUpStates(hour, { ...context, power: byMachine.get(hour.id) });
      for (const rollup of rolledUp) stateRollups.push(rollup);
      done++;
      await nextTurn();
    }
  }
  const isFull = hours.length === maxRollups || stateHours.length === maxRollups;
  const moreHours = maxRollups > 0 && (isFull || done < stateHours.length);
  return { rollups, stateRollups, hours: rollups.length + done, moreHours };
}
