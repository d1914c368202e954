// Where buckets begin and end: multiples of a width, or equal slots for a plot. Calendars are in
// calendar-edges.ts.
import type { Window } from "./line-area.ts";

/**
 * Why edges could not be made; each is a mistake in the request. `message` can be shown to users.
 */
export class BucketEdgesError extends Error {
  override readonly name = "BucketEdgesError";
  readonly reason: "empty_window" | "bad_width" | "too_many_buckets" | "unknown_time_zone";

  constructor(reason: BucketEdgesError["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * Edges of the buckets of `[fromUs, toUs)`: the window, cut at every multiple of `widthUs` since
 * the epoch. So the first and last bucket may be shorter, and the rest are the same whatever the
 * window. Throws BucketEdgesError (`empty_window`, `bad_width`, `too_many_buckets`) before it
 * allocates.
 */
export function bucketEdges(
  options: Window & { readonly widthUs: number; readonly maxBuckets: number },
): Float64Array {
  const { fromUs, toUs, widthUs, maxBuckets } = options;
  assertWindow(options);
  if (!(Number.isSafeInteger(widthUs) && widthUs > 0)) {
    throw new BucketEdgesError(
      "bad_width",
      `a width of ${widthUs} µs is not a whole, positive number of microseconds`,
    );
  }
  // Uses remainders and multiples, which are exact; quotients and lengths near 2^53 are not.
  const indexOf = (us: number) => Math.round((us - positiveRemainder(us, widthUs)) / widthUs);
  const first = indexOf(fromUs) + 1;
  const last = indexOf(toUs - 1);
  const cuts = last - first + 1;
  assertBucketCount(cuts + 1, maxBuckets);
  const edgesUs = new Float64Array(cuts + 2);
  edgesUs[0] = fromUs;
  for (let i = 0; i < cuts; i++) edgesUs[i + 1] = (first + i) * widthUs;
  edgesUs[cuts + 1] = toUs;
  return edgesUs;
}

/**
 * Edges of exactly `points` slots as equal as whole microseconds allow (fewer if the window has
 * fewer microseconds).
 */
export function slotEdges(
  options: Window & { readonly points: number; readonly maxBuckets: number },
): Float64Array {
  const { fromUs, toUs, points, maxBuckets } = options;
  assertWindow(options);
  if (!(Number.isSafeInteger(points) && points > 0)) {
    throw new BucketEdgesError("bad_width", `${points} points are not a whole, positive number`);
  }
  assertBucketCount(points, maxBuckets);
  const slots = Math.min(points, toUs - fromUs);
  // Whole microseconds and the rest are computed separately: as one fraction, the product with i
  // would be off by one for long windows.
  const restUs = (toUs - fromUs) % slots;
  const wholeUs = (toUs - fromUs - restUs) / slots;
  // The length of a window over the whole range of times is rounded.
  return Float64Array.from({ length: slots + 1 }, (_, i) =>
    i === slots ? toUs : fromUs + i * wholeUs + Math.floor((i * restUs) / slots),
  );
}

const second = 1e6;
const day = 86_400 * second;
const roundWidthsUs = [
  ...[1, 10, 100, 1e3, 1e4, 1e5].flatMap((unit) => [1, 2, 5].map((n) => n * unit)),
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200].map(
    (n) => n * second,
  ),
];

/**
 * The smallest round width (1, 2, 5 steps below a second, then 1 s to 12 h as clocks have it, then
 * whole days) that cuts the window into at most `points` buckets (two if `points` is 1). From a
 * minute up, such buckets consist of whole stored summaries, so a plot should prefer them to
 * `slotEdges`.
 */
export function roundWidthUs(options: Window & { readonly points: number }): number {
  assertWindow(options);
  // An unaligned window overlaps one more bucket than its length has widths.
  const widths = Math.max(1, options.points - 1);
  const spanUs = options.toUs - options.fromUs;
  return (
    roundWidthsUs.find((widthUs) => widthUs * widths >= spanUs) ??
    Math.ceil(spanUs / widths / day) * day
  );
}

/** Throws BucketEdgesError `too_many_buckets` if there are more than `maxBuckets`. */
export function assertBucketCount(buckets: number, maxBuckets: number): void {
  if (buckets > maxBuckets) {
    throw new BucketEdgesError(
      "too_many_buckets",
      `${buckets} buckets are more than the ${maxBuckets} allowed`,
    );
  }
}

/** Throws BucketEdgesError `empty_window` unless `fromUs < toUs`, both exact integers. */
export function assertWindow({ fromUs, toUs }: Window): void {
  if (!(Number.isSafeInteger(fromUs) && Number.isSafeInteger(toUs) && fromUs < toUs)) {
    throw new BucketEdgesError(
      "empty_window",
      `the window from ${fromUs} µs to ${toUs} µs holds nothing`,
    );
  }
}

function positiveRemainder(a: number, b: number): number {
  return ((a % b) + b) % b;
}
