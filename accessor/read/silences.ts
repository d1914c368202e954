// When machines were silent, as of a revision, and in which states; for many machines in few
// statements.

import { lowerBound } from "../../codec/lower-bound.ts";
import { hourUs } from "../history/buckets-of-time.ts";
import type { Window } from "../history/line-area.ts";
import {
  cutGaps,
  cutSilences,
  gapsOfHours,
  silencesOf,
  toleranceUsOf,
} from "../history/silence.ts";
import { stateCount } from "../history/state-intervals.ts";
import { readLife } from "../store/alive-hours.ts";
import type { Database } from "../store/database.ts";
import { readPendingLife } from "../store/pending-life.ts";
import type { Series } from "../store/series.ts";
import { readStatesAt } from "../store/states.ts";

/** series: all of the machine. The window has an end. */
export type SilenceWindow = Window & { machineId: number; series: readonly Series[] };

type Of = { revision: number; watermark: number; abort: AbortSignal };

// The rows that PostgreSQL reads for one statement: about 50 ms.
const hoursAtOnce = 50_000;
/** For a window of any length: more than it is likely to have. */
const mostHours = 10_000;

/**
 * The silences that reach into each window, ascending. The first one may begin before it (-Infinity
 * if there is no record before); the last one ends with it at the latest.
 */
export async function readSilences(
  database: Database,
  windows: readonly SilenceWindow[],
  of: Of,
): Promise<Window[][]> {
  const found: Window[][] = [];
  for (let start = 0; start < windows.length; ) {
    let end = start;
    for (let hours = 0; end < windows.length && hours < hoursAtOnce; end++) {
      const { fromUs, toUs } = windows[end]!;
      hours += Math.min(mostHours, (toUs - fromUs) / hourUs + 2);
    }
    for (const silences of await readSome(database, windows.slice(start, end), of))
      found.push(silences);
    start = end;
  }
  return found;
}

async function readSome(
  database: Database,
  windows: readonly SilenceWindow[],
  of: Of,
): Promise<Window[][]> {
  const asked = windows.map((window) => ({ ...window, toleranceUs: toleranceUsOf(window.series) }));
  const life = await readLife(database, asked, of);
  // Only apparent silences are looked up in the log.
  const quiet = asked.map(({ series, toleranceUs, fromUs, toUs }, i) => {
    const { hours, dueUs } = life[i]!;
    const known = gapsOfHours(hours, toleranceUs);
    const unknown = dueUs === undefined ? [] : [{ fromUs: Number.NEGATIVE_INFINITY, toUs: dueUs }];
    const gaps = cutGaps(known, unknown, toleranceUs).filter(
      (gap) => gap.fromUs + toleranceUs < toUs && gap.toUs > fromUs,
    );
    return { series, toleranceUs, gaps };
  });
  const pending = await readPendingLife(database, quiet, of);
  return quiet.map(({ gaps, toleranceUs }, i) =>
    silencesOf(cutGaps(gaps, pending[i]!, toleranceUs), toleranceUs, windows[i]!),
  );
}

/** Adjacent slots of a window of a machine. */
export type SilentSlots = { machineId: number; series: readonly Series[]; edgesUs: Float64Array };

/** Microseconds of silence of a slot, by state. */
export type SilentTime = readonly number[];

export const noSilence: SilentTime = Object.freeze(new Array<number>(stateCount).fill(0));

/** For each window, the figures of its slots. They add up, however a window is cut. */
export async function readSilentTimes(
  database: Database,
  all: readonly SilentSlots[],
  of: Of,
): Promise<SilentTime[][]> {
  const windows = all.map(({ edgesUs, ...machine }) => ({
    ...machine,
    fromUs: edgesUs[0] ?? 0,
    toUs: edgesUs.at(-1) ?? 0,
  }));
  const silences = (await readSilences(database, windows, of)).map((own, i) =>
    cutSilences(own, windows[i]!),
  );
  const places = silences.flatMap((own, i) =>
    own.map(({ fromUs }) => ({ machineId: windows[i]!.machineId, atUs: fromUs })),
  );
  // A silence contains no record, so it has one state.
  const states = await readStatesAt(database, places, of);
  let next = 0;
  return all.map(({ edgesUs }, i) => {
    const slots = new Array<SilentTime>(Math.max(0, edgesUs.length - 1)).fill(noSilence);
    for (const { fromUs, toUs } of silences[i]!) {
      const state = states[next++]!;
      for (
        let slot = lowerBound(edgesUs, fromUs + 1) - 1;
        slot < slots.length && edgesUs[slot]! < toUs;
        slot++
      ) {
        const partUs = Math.min(toUs, edgesUs[slot + 1]!) - Math.max(fromUs, edgesUs[slot]!);
        slots[slot] = slots[slot]!.map((us, of) => (of === state ? us + partUs : us));
      }
    }
    return slots;
  });
}
