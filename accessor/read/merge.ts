// Merges sorted columns of one series into one: by time, and at equal times in the order in which the columns are given.
import type { Column } from "../../samples/column.ts";

/** a's samples come before b's at equal times. */
export function mergeColumns(a: Column, b: Column): Column {
  const { length: aLength } = a.timesUs;
  const { length: bLength } = b.timesUs;
  const timesUs = new Float64Array(aLength + bLength);
  const values = new Float64Array(aLength + bLength);
  if (aLength === 0 || bLength === 0 || a.timesUs[aLength - 1]! <= b.timesUs[0]!) {
    timesUs.set(a.timesUs);
    timesUs.set(b.timesUs, aLength);
    values.set(a.values);
    values.set(b.values, aLength);
    return { timesUs, values };
  }
  for (let i = 0, j = 0, k = 0; k < timesUs.length; k++) {
    const fromA = j === bLength || (i < aLength && a.timesUs[i]! <= b.timesUs[j]!);
    timesUs[k] = fromA ? a.timesUs[i]! : b.timesUs[j]!;
    values[k] = fromA ? a.values[i++]! : b.values[j++]!;
  }
  return { timesUs, values };
}

/** Any number of columns, those given first first at equal times. Neighbours that do not overlap are only copied. */
export function mergeAll(columns: readonly Column[]): Column {
  if (columns.length === 1) return columns[0]!;
  if (columns.length === 0) return { timesUs: new Float64Array(0), values: new Float64Array(0) };
  if (inSequence(columns)) return concatenate(columns);
  const middle = columns.length >> 1;
  return mergeColumns(mergeAll(columns.slice(0, middle)), mergeAll(columns.slice(middle)));
}

function inSequence(columns: readonly Column[]): boolean {
  let lastUs = Number.NEGATIVE_INFINITY;
  for (const { timesUs } of columns) {
    if (timesUs.length === 0) continue;
    if (timesUs[0]! < lastUs) return false;
    lastUs = timesUs[timesUs.length - 1]!;
  }
  return true;
}

function concatenate(columns: readonly Column[]): Column {
  const length = columns.reduce((sum, { timesUs }) => sum + timesUs.length, 0);
  const timesUs = new Float64Array(length);
  const values = new Float64Array(length);
  let offset = 0;
  for (const column of columns) {
    timesUs.set(column.timesUs, offset);
    values.set(column.values, offset);
    offset += column.timesUs.length;
  }
  return { timesUs, values };
}
