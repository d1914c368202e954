// How many records a batch has.
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { countSamples } from "./samples.ts";

/** Samples, state changes and error reports together. */
export function countRecords({ stateChanges, errorReports, samples }: Batch): number {
  return samples.reduce(
    (sum, column) => sum + countSamples(column),
    stateChanges.length + errorReports.length,
  );
}
