// Merges sorted columns of one series into one: by time, and at equal times in the order in which
// the columns are given.
import { type Column, concatColumns, newColumn } from "./column.ts";

/** A column that may have, for each sample, the revision of its commit. */
export type TrackedColumn = Column & { readonly revisions?: Float64Array | undefined };

/** The samples from index `start` up to, not including, `end`: a view, not a copy. */
export function sliceTracked(
  { timesUs, values, revisions }: TrackedColumn,
  start: number,
  end: number,
): TrackedColumn {
  return {
    timesUs: timesUs.subarray(start, end),
    values: values.subarray(start, end),
    revisions: revisions?.subarray(start, end),
  };
}

/** a's samples come before b's at equal times. Revisions are kept if both have them. */
export function mergeColumns(a: TrackedColumn, b: TrackedColumn): TrackedColumn {
  if (startsAfter(a, b)) return concatTracked([a, b]);
  const length = a.timesUs.length + b.timesUs.length;
  const { timesUs, values } = newColumn(length);
  const isTracked = a.revisions !== undefined && b.revisions !== undefined;
  const revisions = isTracked ? new Float64Array(length) : undefined;
  for (let i = 0, j = 0, k = 0; k < length; k++) {
    const fromA =
      j === b.timesUs.length || (i < a.timesUs.length && a.timesUs[i]! <= b.timesUs[j]!);
    const source = fromA ? a : b;
    const at = fromA ? i++ : j++;
    timesUs[k] = source.timesUs[at]!;
    values[k] = source.values[at]!;
    if (revisions !== undefined) revisions[k] = source.revisions![at]!;
  }
  return { timesUs, values, revisions };
}

/**
 * Merges any number of columns; at equal times, samples of earlier columns come first. Neighbours
 * that do not overlap are only copied, and not even copied if they follow each other in the same
 * arrays.
 */
export function mergeAll(columns: readonly TrackedColumn[]): TrackedColumn {
  if (columns.length === 1) return columns[0]!;
  if (columns.every((column, i) => i === 0 || startsAfter(columns[i - 1]!, column)))
    return concatTracked(columns);
  const middle = columns.length >> 1;
  return mergeColumns(mergeAll(columns.slice(0, middle)), mergeAll(columns.slice(middle)));
}

/**
 * A sorted column with its samples at equal times in the order of their commits; those of one
 * commit stay as they are. Each sample must have its revision.
 */
export function tiesByCommit({ timesUs, values, revisions }: TrackedColumn): TrackedColumn {
  const order = Array.from(timesUs, (_, i) => i);
  order.sort((a, b) => timesUs[a]! - timesUs[b]! || revisions![a]! - revisions![b]! || a - b);
  // Float64Array.from() takes 20 times as long.
  const sorted = (of: Float64Array) => {
    const picked = new Float64Array(of.length);
    for (let i = 0; i < of.length; i++) picked[i] = of[order[i]!]!;
    return picked;
  };
  return { timesUs: sorted(timesUs), values: sorted(values), revisions: sorted(revisions!) };
}

function startsAfter({ timesUs: before }: Column, { timesUs: after }: Column): boolean {
  return before.length > 0 && after.length > 0 && before[before.length - 1]! <= after[0]!;
}

function concatTracked(columns: readonly TrackedColumn[]): TrackedColumn {
  const shared = sharedView(columns);
  if (shared !== undefined) return shared;
  const { timesUs, values } = concatColumns(columns);
  if (columns.some((column) => column.revisions === undefined))
    return { timesUs, values, revisions: undefined };
  const revisions = new Float64Array(timesUs.length);
  let offset = 0;
  for (const column of columns) {
    revisions.set(column.revisions!, offset);
    offset += column.timesUs.length;
  }
  return { timesUs, values, revisions };
}

/** Columns that follow each other in the same arrays are already one column. */
function sharedView(columns: readonly TrackedColumn[]): TrackedColumn | undefined {
  const [first] = columns;
  if (first === undefined) return undefined;
  const { timesUs, values } = first;
  let end = 0;
  for (const column of columns) {
    const follows =
      column.revisions === undefined &&
      column.timesUs.buffer === timesUs.buffer &&
      column.values.buffer === values.buffer &&
      column.timesUs.byteOffset === timesUs.byteOffset + 8 * end &&
      column.values.byteOffset === values.byteOffset + 8 * end;
    if (!follows) return undefined;
    end += column.timesUs.length;
  }
  return {
    timesUs: new Float64Array(timesUs.buffer, timesUs.byteOffset, end),
    values: new Float64Array(values.buffer, values.byteOffset, end),
  };
}
