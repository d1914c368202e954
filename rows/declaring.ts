// Columns of one batch in the order in which they may declare.
import type { Declaration } from "../samples/wire.ts";

/**
 * Columns that name a sample_type, a max_gap or a unit before those of the same batch that do not:
 * a signal's first samples declare it, and rows of one upload need not all say so.
 */
export function declaringFirst<C extends Declaration>(columns: readonly C[]): C[] {
  const weight = ({ unit, maxGapUs, sampleType }: C) =>
    (sampleType ? 0 : 4) + (maxGapUs === undefined ? 2 : 0) + (unit === "" ? 1 : 0);
  return columns.toSorted((a, b) => weight(a) - weight(b));
}
