// Collects the records of a slice into batches, one for each machine.
import { create } from "@bufbuild/protobuf";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { compareText } from "../../codec/compare-text.ts";
import { shownSamples } from "../store/shown-samples.ts";
import { mergePieces } from "./pieces.ts";
import type { Slice } from "./sweep.ts";

export class BatchesByMachine {
  readonly #byMachine = new Map<string, Batch>();

  addSamples({ parts }: Slice): void {
    for (const [series, pieces] of parts) {
      this.of(series.machine).samples.push(shownSamples(series, mergePieces(pieces)));
    }
  }

  of(machine: string): Batch {
    const batch = this.#byMachine.get(machine) ?? create(BatchSchema, { machine });
    this.#byMachine.set(machine, batch);
    return batch;
  }

  /** Ascending by machine, columns ascending by signal. */
  list(): Batch[] {
    const batches = [...this.#byMachine.values()].sort((a, b) => compareText(a.machine, b.machine));
    for (const { samples } of batches) samples.sort((a, b) => compareText(a.signal, b.signal));
    return batches;
  }
}
