// The simulator as a source: a fleet's records, span by span, passed on as batches.
import { setImmediate } from "node:timers/promises";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { toBatch } from "./batch.ts";
import { createFleet, type FleetOptions, recordsPerSecond } from "./fleet.ts";
import { type Clock, paceSpans } from "./pace.ts";

/** About the most records that a batch of the simulator has. */
const maxBatchRecords = 10_000;

export type SimulationOptions = FleetOptions & {
  startUs: number;
  untilUs?: number | undefined;
  speed?: number | undefined;
  batchIntervalMs: number;
  clock: Clock;
  abort: AbortSignal;
  /** Takes a batch; the simulation continues when the promise resolves. */
  append(batch: Batch): Promise<void>;
  /** Called when everything before `toUs` has been passed on. */
  onSpan(span: { toUs: number; live: boolean }): void;
};

/** Runs until `untilUs`; rejects when `abort` aborts or a batch is not taken. */
export async function simulate(options: SimulationOptions): Promise<void> {
  const { append, onSpan, ...rest } = options;
  const fleet = createFleet(rest);
  const maxSpanUs = Math.floor((maxBatchRecords / recordsPerSecond(rest)) * 1e6);
  for await (const { fromUs, toUs, live } of paceSpans({ ...rest, maxSpanUs })) {
    const batches = fleet.values().map((machine) => toBatch(machine.recordsIn(fromUs, toUs)));
    // Live batches are appended together, so that they share one sync of a spool; those of the past
    // one by one, because they are many more.
    if (live) await Promise.all(batches.map((batch) => batch && append(batch)));
    else {
      for (const batch of batches) {
        if (batch) await append(batch);
        // Without this pause, nothing else in this process would run before the outbox is full: no
        // write, no ack.
        await setImmediate();
      }
    }
    onSpan({ toUs, live });
  }
}
