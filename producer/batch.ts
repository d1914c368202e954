// Records of one machine as the contract's Batch. Shapes only; what is in them is decided
// elsewhere.
import { create } from "@bufbuild/protobuf";
import {
  type Batch,
  BatchSchema,
  type ErrorReport,
  type Samples,
  SampleType,
  type StateChange,
} from "#gen/millrace/v1/signal_pb.ts";
import { toDuration, toTimestamp } from "../samples/timestamps.ts";
import { countSamples } from "../samples/wire.ts";
import type { Block } from "./fleet.ts";
import type { ErrorAt, StateStart } from "./machine.ts";

/**
 * A block of a simulated machine as a Batch, samples on their grid; undefined if nothing happened.
 */
export function toBatch({ machine, states, errors, runs }: Block): Batch | undefined {
  if (states.length + errors.length + runs.length === 0) return undefined;
  const batch = create(BatchSchema, { machine });
  batch.stateChanges = states.map(toStateChange);
  batch.errorReports = errors.map(toErrorReport);
  batch.samples = runs.map(({ profile, startUs, values }): Samples => {
    const { signal, unit, maxGapUs, periodUs } = profile;
    const grid = { $typeName: "millrace.v1.Grid" as const, startUs: BigInt(startUs), periodUs: BigInt(periodUs) };
    const times: Samples["times"] = { case: "grid", value: grid };
    const declared = { signal, unit, maxGap: toDuration(maxGapUs), sampleType: SampleType.UNSPECIFIED };
    return { $typeName: "millrace.v1.Samples", ...declared, times, values };
  });
  return batch;
}

/** How many records a batch has: samples, state changes and error reports together. */
export function countRecords({ stateChanges, errorReports, samples }: Batch): number {
  return samples.reduce((sum, column) => sum + countSamples(column), stateChanges.length + errorReports.length);
}

export function toStateChange({ timeUs, state, reason }: StateStart): StateChange {
  return { $typeName: "millrace.v1.StateChange", time: toTimestamp(timeUs), state, reason };
}

export function toErrorReport({ timeUs, severity, code, message }: ErrorAt): ErrorReport {
  return { $typeName: "millrace.v1.ErrorReport", time: toTimestamp(timeUs), severity, code, message };
}
