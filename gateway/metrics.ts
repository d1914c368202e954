// What the gateway counts, for Prometheus: its cache, and what any Node process has to say of itself.
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { AnswerCache, CacheCounts } from "./cache/answer-cache.ts";

const outcomes: Readonly<Record<keyof CacheCounts, string>> = {
  hits: "answers from what is kept",
  misses: "answers made",
  joins: "answers made for another that asked the same at the same time",
  notModified: "304 for an ETag that still holds",
  evictions: "kept answers left out to make room",
};

/** Answers the text; counts on a registry of its own. */
export function createMetrics({ cache }: { cache: AnswerCache }): () => Promise<string> {
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
  gauge("millrace_cache_bytes", "Bytes of the kept answers", () => cache.bytes);
  gauge("millrace_cache_entries", "How many answers are kept", () => cache.entries);
  return () => register.metrics();
}
