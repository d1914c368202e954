// Selects the samples that a plot needs from its buckets: few points, without losing a peak.
import type { Column } from "../../codec/column.ts";
import type { Bucket } from "./buckets.ts";

/**
 * First, lowest, highest and last sample of each bucket, in time order, each once: at most four a
 * bucket, all of them real samples at their own times. Drawn with a bucket no wider than a pixel,
 * the line looks the same as with all samples.
 */
export function toPlotColumn(buckets: readonly Bucket[]): Column {
  const times: number[] = [];
  const values: number[] = [];
  for (const { firstUs, first, minUs, min, maxUs, max, lastUs, last } of buckets) {
    if (firstUs === undefined) continue;
    const inner = [
      { timeUs: minUs!, value: min! },
      { timeUs: maxUs!, value: max! },
    ].sort((a, b) => a.timeUs - b.timeUs);
    const points = [
      { timeUs: firstUs, value: first! },
      ...inner,
      { timeUs: lastUs!, value: last! },
    ];
    for (const [i, { timeUs, value }] of points.entries()) {
      if (
        points.slice(0, i).some((known) => known.timeUs === timeUs && Object.is(known.value, value))
      )
        continue;
      times.push(timeUs);
      values.push(value);
    }
  }
  return { timesUs: Float64Array.from(times), values: Float64Array.from(values) };
}
