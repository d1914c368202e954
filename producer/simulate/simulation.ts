// The simulator as a source: a fleet's records, span by span, handed on as batches.
import { setImmediate } from "node:timers/promises";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { toBatch } from "./batch.ts";
import { createFleet, type FleetOptions, recordsPerSecond } from "./fleet.ts";
import { type Clock, paceSpans } from "./pace.ts";

/** Most records that a batch of the simulator has, about. */
const maxBatchRecords = 10_000;

export type SimulationOptions = FleetOptions & {
  startUs: number;
  untilUs?: number | undefined;
  speed?: number | undefined;
  batchIntervalMs: number;
  clock: Clock;
  abort: AbortSignal;
  /** Takes a batch; the simulation goes on when it has. */
  append(batch: Batch): Promise<void>;
  /** Everything before `toUs` has been handed on. */
  onSpan(span: { toUs: number; live: boolean }): void;
};

/** Runs until `untilUs`; rejects when `abort` aborts or a batch is not taken. */
export async function simulate(options: SimulationOptions): Promise<void> {
  const { append, onSpan, ...rest } = options;
  const fleet = createFleet(rest);
  const maxSpanUs = Math.floor((maxBatchRecords / recordsPerSecond(rest)) * 1e6);
  for await (const { fromUs, toUs, live } of paceSpans({ ...rest, maxSpanUs })) {
    const batches = fleet.values().map((machine) => toBatch(machine.recordsIn(fromUs, toUs)));
    // Together, so that they share one sync of a spool; of the past one by one, which is much more.
    if (live) await Promise.all(batches.map((batch) => batch && append(batch)));
    else {
      for (const batch of batches) {
        if (batch) await append(batch);
        // Without a pause nothing else of this process would run before the outbox is full: no
        // write, no ack.
        await setImmediate();
      }
    }
    onSpan({ toUs, live });
  }
}
