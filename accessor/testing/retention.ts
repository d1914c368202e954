// Fills a history with samples of several ages, applies retention to it, and lists which are left.
// For tests only.
import { type RetainOptions, retain } from "../compact/retain.ts";
import { toRetention } from "../domain/retention.ts";
import { column } from "./batches.ts";
import { quiet, type TestHistory, unaborted } from "./history.ts";

export const dayMs = 86_400_000;
/** A Friday. */
export const nowUs = Date.UTC(2026, 5, 5, 12, 30) * 1000;
export const daysAgo = (days: number) => nowUs - days * dayMs * 1000;

export const retainNow = ({ database, catalog }: TestHistory, options: Partial<RetainOptions>) =>
  retain({
    database,
    catalog,
    log: quiet,
    nowUs: () => nowUs,
    abort: unaborted,
    retention: toRetention(undefined, []),
    rollupRetentionMs: undefined,
    maxDropped: 2,
    ...options,
  });

export const sample = (signal: string, days: number) => ({
  machine: "m",
  // Otherwise a line would span hours, which would all be rolled up.
  samples: [{ ...column(signal, [[daysAgo(days), days]]), maxGap: { seconds: 1n } }],
});

/** The ages of the samples that fill sends. */
export const days = [1, 5, 20, 40, 60];

export async function fill(history: TestHistory, signals = ["power", "oil"]): Promise<void> {
  for (const day of days) for (const signal of signals) await history.ingest(sample(signal, day));
  await history.settle();
}

/** Ages in days of the stored samples, by signal. */
export async function stored(history: TestHistory): Promise<Record<string, number[]>> {
  const rows = await history.query<{ signal: string; time: string }>(
    "select signal, first_us as time from block join series on series.id = series_id order by signal, first_us desc",
  );
  const found: Record<string, number[]> = {};
  for (const { signal, time } of rows) {
    found[signal] ??= [];
    found[signal].push((nowUs - Number(time)) / dayMs / 1000);
  }
  return found;
}
