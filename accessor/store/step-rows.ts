// What a step of compaction writes: blocks, hours and their roll-ups, touched minutes, and rows
// that could not be read (compact.ts).
import type { StateTotals } from "../history/state-totals.ts";
import type { Summary } from "../history/summary.ts";
import type { BlockHeader } from "./history.ts";
import type { Series } from "./series.ts";

/** An hour of a series or of a machine, by id. */
export type Hour = { id: number; hourUs: number };

/** Whole hours, half-open. */
export type HourRange = { machineId: number; fromUs: number; toUs: number };

/** A minute of a series in which records arrived, and their latest revision. */
export type Touch = { seriesId: number; minuteUs: number; revision: number };

/** A row of the log that could not be decoded, and why. */
export type Unreadable = { revision: number; seriesId: number; reason: string };

/** A block to insert. */
export type NewBlock = {
  series: Series;
  bucketUs: number;
  summary: Summary;
  payload: Uint8Array;
  commits: Uint8Array;
};

/** A portion of the changes. */
export type Rewritten = { blocks: NewBlock[]; ended: BlockHeader[] };

/** An hour of a series, rolled up. */
export type SeriesRollup = {
  series: Series;
  hourUs: number;
  /** undefined: the hour is empty. */
  summary: Summary | undefined;
};

/** A minute or an hour of a machine, rolled up. */
export type StateRollup = {
  machineId: number;
  startUs: number;
  widthUs: number;
  totals: StateTotals;
};
