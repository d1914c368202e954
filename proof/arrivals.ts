// A subscriber that records when each message came, and the time of its records: whether live is
// live, and how the backlog arrives.
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { type WatchOptions, watch } from "../client/watch.ts";
import { FeedBreakError } from "../client/watch-error.ts";
import { timesOf } from "../codec/wire/samples.ts";
import { createBackoff } from "../runtime/backoff.ts";
import { contentOf, keyOf, revisionOf } from "./chaos/content.ts";
import { addKey, type WatcherOutcome } from "./watcher-outcome.ts";

/** committedMs: commit time of the newest commit in its message, by the database. */
type Arrival = { atMs: number; committedMs: number; newestUs: number; samples: number };

export function openArrivals(client: WatchOptions["client"], after: string) {
  const arrivals: Arrival[] = [];
  const stop = new AbortController();
  const outcome: WatcherOutcome = {
    after,
    cursor: after,
    batches: 0,
    sum: 0,
    reconnects: 0,
    breaks: 0,
  };
  let newestUs = 0;
  const connectedMs: number[] = [];
  const running = (async () => {
    const feed = watch({
      client,
      after,
      abort: stop.signal,
      bookmarks: true,
      // Not the default of up to 5 s: this measures the producer's latency, not the subscriber's
      // delay to reconnect.
      backoff: createBackoff({ baseMs: 50, maxMs: 250 }),
      onState(state) {
        if (state.state === "connected") {
          connectedMs.push(Date.now());
          return;
        }
        outcome.reconnects++;
        if (state.error instanceof FeedBreakError) outcome.breaks++;
      },
    });
    for await (const { batches, cursor, commitTime } of feed) {
      const atMs = Date.now();
      const committedMs = commitTime && Number(commitTime.seconds) * 1000 + commitTime.nanos / 1e6;
      for (const batch of batches) {
        outcome.sum = addKey(outcome.sum, {
          key: keyOf(contentOf(batch)),
          place: ++outcome.batches,
        });
        const arrival = toArrival(batch, { atMs, committedMs: committedMs ?? atMs });
        newestUs = Math.max(newestUs, arrival.newestUs);
        arrivals.push(arrival);
      }
      outcome.cursor = cursor;
    }
  })();
  running.catch(() => {});
  const isOld = (sinceMs: number) => (one: Arrival) => one.newestUs < sinceMs * 1000;
  return {
    outcome,
    get newestUs() {
      return newestUs;
    },
    get revision() {
      return revisionOf(outcome.cursor);
    },
    /**
     * The first batch that came after a time and whose newest record was at most withinMs old when
     * it came.
     */
    liveAfter(sinceMs: number, { withinMs }: { withinMs: number }): Arrival | undefined {
      return arrivals.find(
        ({ atMs, newestUs: us }) => atMs >= sinceMs && atMs - us / 1000 <= withinMs,
      );
    },
    /** When it reconnected after a time. */
    connectedAfter: (sinceMs: number) => connectedMs.find((ms) => ms >= sinceMs),
    /** When the last batch with records from before a time came. */
    lastOldMs: (sinceMs: number) => arrivals.findLast(isOld(sinceMs))?.atMs ?? sinceMs,
    /**
     * Batches that came after a time: those with older records, and those with newer records that
     * came while older ones still did.
     */
    split(sinceMs: number) {
      const since = arrivals.filter(({ atMs }) => atMs >= sinceMs);
      const old = since.filter(isOld(sinceMs));
      const untilMs = old.at(-1)?.atMs ?? sinceMs;
      const live = since.filter((one) => !isOld(sinceMs)(one) && one.atMs <= untilMs);
      const ages = live
        .map(({ atMs, newestUs: us }) => Math.round(atMs - us / 1000))
        .sort((a, b) => a - b);
      const quantile = (part: number) =>
        ages[Math.min(ages.length - 1, Math.floor(ages.length * part))];
      return {
        old: { batches: old.length, samples: old.reduce((sum, { samples }) => sum + samples, 0) },
        live: {
          batches: live.length,
          p50Ms: quantile(0.5),
          p99Ms: quantile(0.99),
          maxMs: ages.at(-1),
        },
      };
    },
    close: () => stop.abort(new Error("enough was seen")),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("enough was seen"));
      await running.catch(() => {});
    },
  };
}

function toArrival(batch: Batch, at: Pick<Arrival, "atMs" | "committedMs">): Arrival {
  const times = batch.samples.map((column) => timesOf(column).at(-1) ?? 0);
  const events = [...batch.stateChanges, ...batch.errorReports].map(
    ({ time }) => Number(time!.seconds) * 1e6 + time!.nanos / 1000,
  );
  return {
    ...at,
    newestUs: Math.max(...times, ...events),
    samples: batch.samples.reduce((sum, { values }) => sum + values.length, 0),
  };
}
