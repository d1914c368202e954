// What a page does while it is measured: long tasks, layout shifts, interactions, and how long its
// main thread was busy. The page itself counts, by the browser's own observers.
import type { CDPSession, Page } from "playwright-core";

export type Observed = {
  /** The longest task of the main thread. */
  longestTaskMs: number;
  /** Tasks above 50 ms. */
  longTasks: number;
  /** Cumulative layout shift, without those that follow an input. */
  layoutShift: number;
  /**
   * The longest time from an interaction to the next paint, without one in fifty of the longest: as
   * web-vitals defines INP.
   */
  interactionMs: number;
  longestInteractionMs: number;
  interactions: number;
};

/** To be added before the page loads. */
export const observers = `
  const begun = () => ({ longestTaskMs: 0, longTasks: 0, layoutShift: 0, interactions: new Map() });
  globalThis.observed = begun();
  globalThis.forget = () => { observed = begun(); };
  const on = (type, take, more = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
  on("longtask", ({ duration }) => {
    observed.longTasks += 1;
    observed.longestTaskMs = Math.max(observed.longestTaskMs, duration);
  });
  on("layout-shift", (entry) => { if (!entry.hadRecentInput) observed.layoutShift += entry.value; });
  on("event", ({ duration, interactionId: id }) => {
    if (id) observed.interactions.set(id, Math.max(observed.interactions.get(id) ?? 0, duration));
  }, { durationThreshold: 16 });
`;

/** Forgets what was observed so far, such as while the page loaded. */
export const forget = (page: Page): Promise<unknown> => page.evaluate("forget()");

export async function observed(page: Page): Promise<Observed> {
  const { durations, ...rest } = (await page.evaluate(
    "({ ...observed, durations: [...observed.interactions.values()] })",
  )) as Omit<Observed, "interactionMs"> & { durations: number[] };
  durations.sort((a, b) => b - a);
  return {
    ...rest,
    interactions: durations.length,
    interactionMs: durations[Math.floor(durations.length / 50)] ?? 0,
    longestInteractionMs: durations[0] ?? 0,
  };
}

/** Seconds that the main thread has been busy since the page began, and bytes of its heap. */
export async function readMetrics(
  session: CDPSession,
): Promise<{ busySeconds: number; atSeconds: number; heapBytes: number }> {
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return {
    busySeconds: of("TaskDuration"),
    atSeconds: of("Timestamp"),
    heapBytes: of("JSHeapUsedSize"),
  };
}

/** Bytes of the heap after a collection. */
export async function collectedHeap(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  return (await readMetrics(session)).heapBytes;
}
