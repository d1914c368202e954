// The stored part of a batch, as feeds show it: the same whether it comes from this accessor or
// from the log.
import {
  type Batch,
  Duplicates,
  type ErrorReport,
  type Samples,
  type StateChange,
} from "#gen/millrace/v1/signal_pb.ts";
import { decodeBlock } from "../../codec/block/decode.ts";
import { type ShownSeries, shownSamples } from "../store/shown-samples.ts";

/** A column as the log stores it. */
export type PackedSamples = { readonly series: ShownSeries; readonly payload: Uint8Array };

/**
 * A Batch whose samples stay packed until they are read: most batches have no watcher, and packed
 * samples take a tenth of the memory.
 */
export class AcceptedBatch implements Batch {
  readonly $typeName = "millrace.v1.Batch";
  readonly machine: string;
  readonly stateChanges: StateChange[];
  readonly errorReports: ErrorReport[];
  readonly eventDuplicates = Duplicates.UNSPECIFIED;
  #packed: readonly PackedSamples[];
  #samples: Samples[] | undefined;

  constructor(records: {
    machine: string;
    stateChanges?: StateChange[];
    errorReports?: ErrorReport[];
    packed?: readonly PackedSamples[];
  }) {
    this.machine = records.machine;
    this.stateChanges = records.stateChanges ?? [];
    this.errorReports = records.errorReports ?? [];
    this.#packed = records.packed ?? [];
  }

  get samples(): Samples[] {
    this.#samples ??= this.#packed.map(({ series, payload }) =>
      shownSamples(series, decodeBlock(payload)),
    );
    this.#packed = [];
    return this.#samples;
  }
}
