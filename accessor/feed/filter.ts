// Which part of a commit a subscriber wants.
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import type { Selection } from "../store/series.ts";

export type Filter = {
  /** Equal for filters that select the same. */
  readonly key: string;
  /** undefined: all. */
  readonly machines: ReadonlySet<string> | undefined;
  readonly signals: ReadonlySet<string> | undefined;
  /** Which machines the subscriber may see; undefined: all. */
  readonly permits: ((machine: string) => boolean) | undefined;
};

/**
 * What a subscriber may see: a test of machines, and a text that is equal for subscribers that may
 * see the same.
 */
export type VisibleMachines = { permits: (machine: string) => boolean; key: string };

export function createFilter({ machines, signals }: Selection, visible?: VisibleMachines): Filter {
  const sorted = (names: readonly string[]) => [...new Set(names)].sort();
  return {
    key: keyOf([sorted(machines), sorted(signals), ...(visible ? [visible.key] : [])]),
    permits: visible?.permits,
    machines: machines.length > 0 ? new Set(machines) : undefined,
    signals: signals.length > 0 ? new Set(signals) : undefined,
  };
}

/** A digest, because otherwise each of a thousand feeds would keep a thousand names. */
function keyOf(parts: readonly unknown[]): string {
  const text = JSON.stringify(parts);
  return text.length <= 100 ? text : createHash("sha256").update(text).digest("base64url");
}

/**
 * The part of a batch that matches: the batch itself if all of it does, undefined if nothing does.
 */
export function project(batch: Batch, { machines, signals, permits }: Filter): Batch | undefined {
  if (permits?.(batch.machine) === false) return undefined;
  if (machines !== undefined && !machines.has(batch.machine)) return undefined;
  if (signals === undefined) return batch;
  const stateChanges = signals.has("state") ? batch.stateChanges : [];
  const errorReports = signals.has("error") ? batch.errorReports : [];
  const samples = batch.samples.filter(({ signal }) => signals.has(signal));
  const kept = stateChanges.length + errorReports.length + samples.length;
  if (kept === 0) return undefined;
  if (kept === batch.stateChanges.length + batch.errorReports.length + batch.samples.length)
    return batch;
  return create(BatchSchema, { machine: batch.machine, stateChanges, errorReports, samples });
}
