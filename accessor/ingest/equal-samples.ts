// Which samples of a column come again: equal in time and, bit for bit, in value to samples that
// are stored, or to earlier ones of the column. Pure; columns are in order of time.
import type { Column } from "../../codec/column.ts";
import { lowerBound } from "../../codec/lower-bound.ts";

/** What is known of a sample besides 0, nothing. What is marked as repeated stays so. */
const otherValue = 1;
const repeated = 2;

/** For each sample of a column. */
export type Marks = Uint8Array;

export const noMarks = (column: Column): Marks => new Uint8Array(column.values.length);

/** Marks the samples that another column has too, or has another value for at the same time. */
export function markStored(column: Column, stored: Column, marks: Marks): void {
  const { timesUs, values } = column;
  const { length } = timesUs;
  const others = stored.timesUs.length;
  if (length === 0 || others === 0) return;
  let i = lowerBound(timesUs, stored.timesUs[0]!);
  let j = i < length ? lowerBound(stored.timesUs, timesUs[i]!) : others;
  while (i < length && j < others) {
    const timeUs = timesUs[i]!;
    const storedUs = stored.timesUs[j]!;
    if (timeUs < storedUs) i++;
    else if (storedUs < timeUs) j++;
    else {
      const end = endOf(timesUs, i);
      const storedEnd = endOf(stored.timesUs, j);
      const known = isIn(stored.values, j, storedEnd);
      for (; i < end; i++)
        marks[i] = Math.max(marks[i]!, known(values[i]!) ? repeated : otherValue);
      j = storedEnd;
    }
  }
}

/** Marks the samples that come again within the column. */
export function markWithin({ timesUs, values }: Column, marks: Marks): void {
  for (let from = 0; from < timesUs.length; ) {
    const to = endOf(timesUs, from);
    for (let i = from + 1; i < to; i++) {
      const known = to - from > fewValues ? undefined : isIn(values, from, i);
      if (known !== undefined)
        marks[i] = Math.max(marks[i]!, known(values[i]!) ? repeated : otherValue);
    }
    if (to - from > fewValues) markMany(values, from, to, marks);
    from = to;
  }
}

/** So many values are compared one by one; more are looked up. */
const fewValues = 8;

function markMany(values: Float64Array, from: number, to: number, marks: Marks): void {
  const seen = new Set<number | string>();
  for (let i = from; i < to; i++) {
    const key = keyOf(values[i]!);
    if (seen.has(key)) marks[i] = repeated;
    else if (seen.size > 0) marks[i] = Math.max(marks[i]!, otherValue);
    seen.add(key);
  }
}

/** Tells whether a value is among those of a range. */
function isIn(values: Float64Array, from: number, to: number): (value: number) => boolean {
  if (to - from > fewValues) {
    const keys = new Set<number | string>();
    for (let i = from; i < to; i++) keys.add(keyOf(values[i]!));
    return (value) => keys.has(keyOf(value));
  }
  return (value) => {
    for (let i = from; i < to; i++) if (Object.is(values[i], value)) return true;
    return false;
  };
}

/** A Set takes -0 for 0. */
const keyOf = (value: number): number | string => (Object.is(value, -0) ? "-0" : value);

/** Where the samples at the time of the one at `from` end. */
function endOf(timesUs: Float64Array, from: number): number {
  let to = from + 1;
  while (to < timesUs.length && timesUs[to] === timesUs[from]) to++;
  return to;
}

/** How many samples are marked so. */
export const countRepeated = (marks: Marks): number => countOf(marks, repeated);
export const countOtherValues = (marks: Marks): number => countOf(marks, otherValue);

function countOf(marks: Marks, kind: number): number {
  let count = 0;
  for (const mark of marks) if (mark === kind) count++;
  return count;
}

/** The column without its repeated samples; itself if there are none. */
export function withoutRepeated(column: Column, marks: Marks): Column {
  const dropped = countRepeated(marks);
  if (dropped === 0) return column;
  const { timesUs, values } = column;
  const kept = {
    timesUs: new Float64Array(timesUs.length - dropped),
    values: new Float64Array(timesUs.length - dropped),
  };
  for (let i = 0, at = 0; i < timesUs.length; i++) {
    if (marks[i] === repeated) continue;
    kept.timesUs[at] = timesUs[i]!;
    kept.values[at++] = values[i]!;
  }
  return kept;
}

/** Whether two columns have a sample in common. */
export function haveCommon(a: Column, b: Column): boolean {
  const marks = noMarks(a);
  markStored(a, b, marks);
  return marks.includes(repeated);
}
