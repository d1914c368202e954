// The shape of a sparkline: where its band and its line go, in pixels. No drawing.
import type { Seconds } from "../live/second-ring.ts";

/** Consecutive seconds that have samples; between runs nothing is drawn. */
export type Run = readonly { x: number; mean: number; low: number; high: number }[];

export type SparkBox = { readonly width: number; readonly height: number };

/** Least and greatest value; undefined if there is none. */
export function extentOf({ min, max }: Seconds): [least: number, most: number] | undefined {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < min.length; i++) {
    if (Number.isNaN(min[i]!)) continue;
    if (min[i]! < least) least = min[i]!;
    if (max[i]! > most) most = max[i]!;
  }
  return least <= most ? [least, most] : undefined;
}

/**
 * The right edge is `nowUs`, and the box holds as many seconds as the ring. The scale includes 0,
 * so that a small wobble does not look like a large one.
 */
export function sparkRuns(seconds: Seconds, nowUs: number, { width, height }: SparkBox): Run[] {
  const [least, most] = extentOf(seconds) ?? [0, 1];
  const [bottom, top] = [Math.min(0, least), Math.max(0, most) || 1];
  const spanUs = seconds.mean.length * 1e6;
  const y = (value: number) => height - 1.5 - ((value - bottom) / (top - bottom)) * (height - 3);
  const runs: Run[number][][] = [];
  let open: Run[number][] | undefined;
  for (let i = 0; i < seconds.mean.length; i++) {
    const mean = seconds.mean[i]!;
    // The middle of the second, but nothing after now.
    const timeUs = Math.min(nowUs, seconds.fromUs + (i + 0.5) * 1e6);
    const x = width - ((nowUs - timeUs) / spanUs) * width;
    if (Number.isNaN(mean) || x < 0) {
      open = undefined;
      continue;
    }
    if (open === undefined) {
      open = [];
      runs.push(open);
    }
    open.push({ x, mean: y(mean), low: y(seconds.min[i]!), high: y(seconds.max[i]!) });
  }
  return runs;
}
