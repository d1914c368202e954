// How many samples a window has, as far as an answer shows. No reading.
import type { View } from "../chart/axis.ts";
import type { PlotData } from "../chart/plot-data.ts";

/** A window that was asked for, and a series that it brought. */
export type KnownSeries = { readonly data: PlotData; readonly known: View };

/**
 * Samples of a series in a window. What the answer does not cover is taken to be as dense as the
 * rest. Undefined: the answer covers nothing of the window.
 */
export function samplesIn({ data, known }: KnownSeries, { fromUs, toUs }: View) {
  const from = Math.max(fromUs, known.fromUs);
  const to = Math.min(toUs, known.toUs);
  if (to <= from) return undefined;
  return (countBetween(data, from, to) * (toUs - fromUs)) / (to - from);
}

function countBetween(data: PlotData, fromUs: number, toUs: number): number {
  if (data.kind === "samples") return data.run.indexFrom(toUs) - data.run.indexFrom(fromUs);
  const { grid } = data;
  const last = Math.min(grid.length, Math.ceil((toUs - grid.originUs) / grid.widthUs));
  let count = 0;
  for (let i = Math.max(0, grid.indexOf(fromUs)); i < last; i++) count += grid.count[i]!;
  return count;
}
