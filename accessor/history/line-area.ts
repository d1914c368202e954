// The area under the straight line between two samples, cut to a window. No I/O.

/** One sample. `timeUs` is whole microseconds since the epoch. */
export type Sample = { readonly timeUs: number; readonly value: number };

/** Half-open `[fromUs, toUs)`. */
export type Window = { readonly fromUs: number; readonly toUs: number };

/**
 * What lines cover: `integral` in value·seconds (W gives J), `coveredUs` the microseconds they
 * cover (an exact integer).
 */
export type Area = { readonly integral: number; readonly coveredUs: number };

const nothing: Area = { integral: 0, coveredUs: 0 };

/**
 * The part inside the window of the straight line from `p` to the next sample `q`. A pair further
 * apart than `maxGapUs` is no line and covers nothing. Cutting a line at any instants gives parts
 * that add up to the whole: `coveredUs` exactly, `integral` to float tolerance.
 */
export function lineArea(p: Sample, q: Sample, options: Window & { readonly maxGapUs: number }): Area {
  const spanUs = q.timeUs - p.timeUs;
  const startUs = Math.max(p.timeUs, options.fromUs);
  const endUs = Math.min(q.timeUs, options.toUs);
  if (spanUs > options.maxGapUs || endUs <= startUs) return nothing;
  // A line's integral is its value half way along the part, times the part's length. Offsets from p
  // keep this exact where absolute times (2^51 µs today) would lose the half microsecond.
  const f = (startUs - p.timeUs + (endUs - p.timeUs)) / 2 / spanUs;
  const coveredUs = endUs - startUs;
  return { integral: ((p.value * (1 - f) + q.value * f) * coveredUs) / 1e6, coveredUs };
}

/** The samples next to a window's edges, as far as they exist. */
export type EdgeSamples = {
  /** Last sample before `fromUs`. */
  readonly before?: Sample | undefined;
  /** First and last sample inside; both or neither. */
  readonly first?: Sample | undefined;
  readonly last?: Sample | undefined;
  /** First sample at or after `toUs`. */
  readonly after?: Sample | undefined;
};

/**
 * What the two lines that cross a window's edges cover inside it (one line if no sample lies
 * inside). Added to the integral and covered time of the samples inside (`summarize`), it gives
 * those of the window.
 */
export function cutEdges(samples: EdgeSamples, options: Window & { readonly maxGapUs: number }): Area {
  const { before, first, last, after } = samples;
  if (!first || !last) return before && after ? lineArea(before, after, options) : nothing;
  const head = before ? lineArea(before, first, options) : nothing;
  const tail = after ? lineArea(last, after, options) : nothing;
  return { integral: head.integral + tail.integral, coveredUs: head.coveredUs + tail.coveredUs };
}
