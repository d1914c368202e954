// Merges sorted columns of one series into one: by time, and at equal times in the order in which
// the columns are given.
import type { Column } from "../../codec/column.ts";

/** A column that may know which commit each sample came with. */
export type TrackedColumn = Column & { readonly revisions?: Float64Array | undefined };

/** a's samples come before b's at equal times. Commits are kept if both know them. */
export function mergeColumns(a: TrackedColumn, b: TrackedColumn): TrackedColumn {
  if (startsAfter(a, b)) return concatenate([a, b]);
  const length = a.timesUs.length + b.timesUs.length;
  const target = allocate(length, a.revisions !== undefined && b.revisions !== undefined);
  for (let i = 0, j = 0, k = 0; k < length; k++) {
    const fromA =
      j === b.timesUs.length || (i < a.timesUs.length && a.timesUs[i]! <= b.timesUs[j]!);
    const source = fromA ? a : b;
    const at = fromA ? i++ : j++;
    target.timesUs[k] = source.timesUs[at]!;
    target.values[k] = source.values[at]!;
    if (target.revisions !== undefined) target.revisions[k] = source.revisions![at]!;
  }
  return target;
}

/**
 * Any number of columns, those given first first at equal times. Neighbours that do not overlap are
 * only copied.
 */
export function mergeAll(columns: readonly TrackedColumn[]): TrackedColumn {
  if (columns.length === 1) return columns[0]!;
  if (columns.every((column, i) => i === 0 || startsAfter(columns[i - 1]!, column)))
    return concatenate(columns);
  const middle = columns.length >> 1;
  return mergeColumns(mergeAll(columns.slice(0, middle)), mergeAll(columns.slice(middle)));
}

/**
 * The same, but samples at equal times in the order of their commits; of one commit they stay as
 * they are.
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

function concatenate(columns: readonly TrackedColumn[]): TrackedColumn {
  const whole = asOne(columns);
  if (whole !== undefined) return whole;
  const length = columns.reduce((sum, { timesUs }) => sum + timesUs.length, 0);
  const target = allocate(
    length,
    columns.every(({ revisions }) => revisions !== undefined),
  );
  let offset = 0;
  for (const { timesUs, values, revisions } of columns) {
    target.timesUs.set(timesUs, offset);
    target.values.set(values, offset);
    if (target.revisions !== undefined) target.revisions.set(revisions!, offset);
    offset += timesUs.length;
  }
  return target;
}

/** Columns that lie one behind the other in the same arrays are one already. */
function asOne(columns: readonly TrackedColumn[]): TrackedColumn | undefined {
  const [{ timesUs, values }] = columns as [TrackedColumn];
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

function allocate(length: number, tracked: boolean) {
  const revisions = tracked ? new Float64Array(length) : undefined;
  return { timesUs: new Float64Array(length), values: new Float64Array(length), revisions };
}
