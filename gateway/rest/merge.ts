// Columns of several series as one sequence in order of time.

/** A column of one series, ascending by time. */
export type Series<T> = {
  readonly of: T;
  readonly timesUs: Float64Array;
  readonly values: ArrayLike<number>;
};

/**
 * Calls `take` for every sample in order of time, at equal times in order of the series. If `take`
 * returns a promise, waits until it resolves; if it returns false, ends.
 */
export async function mergeByTime<T>(
  columns: readonly Series<T>[],
  take: (of: T, timeUs: number, value: number) => Promise<void> | false | undefined,
): Promise<boolean> {
  const heap = columns
    .map((series, order) => ({ ...series, order, next: 0 }))
    .filter(({ timesUs }) => timesUs.length > 0);
  heap.sort((a, b) => before(a, b));
  while (heap.length > 0) {
    const first = heap[0]!;
    // As long as this series stays first, the others need not be checked.
    const rival = heap[1] && heap[2] && before(heap[2], heap[1]) < 0 ? heap[2] : heap[1];
    do {
      const i = first.next++;
      const wait = take(first.of, first.timesUs[i]!, first.values[i]!);
      if (wait === false) return false;
      if (wait !== undefined) await wait;
    } while (
      first.next < first.timesUs.length &&
      (rival === undefined || before(first, rival) < 0)
    );
    if (first.next === first.timesUs.length) {
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
    }
    sink(heap);
  }
  return true;
}

type Head = { readonly timesUs: Float64Array; readonly order: number; next: number };

const before = (a: Head, b: Head) => a.timesUs[a.next]! - b.timesUs[b.next]! || a.order - b.order;

/** Moves the root of a binary heap down to its place. */
function sink(heap: Head[]): void {
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    if (left >= heap.length) return;
    const right = left + 1;
    const child = right < heap.length && before(heap[right]!, heap[left]!) < 0 ? right : left;
    if (before(heap[at]!, heap[child]!) <= 0) return;
    [heap[at], heap[child]] = [heap[child]!, heap[at]!];
    at = child;
  }
}
