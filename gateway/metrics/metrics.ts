// What the gateway counts, for Prometheus: its cache, refusals, what requests hold, and the
// metrics of any Node process.
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { AnswerCache, CacheCounts } from "../cache/answer-cache.ts";
import type { RefusalCounts } from "./refusal-counts.ts";

const outcomes: Readonly<Record<keyof CacheCounts, string>> = {
  hits: "answers from the cache",
  misses: "answers computed",
  joins: "answers shared with an identical request at the same time",
  notModified: "304 responses for an ETag that is still current",
  evictions: "cached answers evicted to make room",
};

export type MetricsOptions = {
  cache: AnswerCache;
  refusals: RefusalCounts;
  /** What is borrowed now, by name. */
  borrowed: () => Record<string, number>;
  connections: () => { open: number; refused: number };
};

/** Returns the text of the metrics, counted in its own registry. */
export function createMetrics({
  cache,
  refusals,
  borrowed,
  connections,
}: MetricsOptions): () => Promise<string> {
  const registers = [new Registry()];
  const [register] = registers as [Registry];
  collectDefaultMetrics({ register });
  for (const [name, help] of Object.entries(outcomes) as [keyof CacheCounts, string][]) {
    const counter = new Counter({
      name: `millrace_cache_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`,
      help: `REST: ${help}`,
      registers,
      collect() {
        counter.reset();
        counter.inc(cache.counts[name]);
      },
    });
  }
  const gauge = (name: string, help: string, read: () => number) => {
    const one: Gauge = new Gauge({ name, help, registers, collect: () => one.set(read()) });
  };
  gauge("millrace_cache_bytes", "Bytes of cached answers", () => cache.bytes);
  gauge("millrace_cache_entries", "Number of cached answers", () => cache.entries);
  gauge("millrace_connections", "Number of open connections", () => connections().open);
  const refused: Counter = new Counter({
    name: "millrace_refusals_total",
    help: "Refused requests, by reason and limit",
    registers,
    labelNames: ["reason", "limit"],
    collect() {
      refused.reset();
      for (const [labels, count] of refusals.all()) refused.inc({ ...labels }, count);
      refused.inc({ reason: "RATE_LIMITED", limit: "connections" }, connections().refused);
    },
  });
  const out: Gauge = new Gauge({
    name: "millrace_borrowed",
    help: "What requests hold now, by kind; 0 when no request is open",
    registers,
    labelNames: ["what"],
    collect() {
      for (const [what, amount] of Object.entries(borrowed())) out.set({ what }, amount);
    },
  });
  return () => register.metrics();
}
