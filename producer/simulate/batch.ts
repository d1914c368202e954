// The records of a simulated machine in a span of time, as the contract's Batch.
import { create } from "@bufbuild/protobuf";
import {
  type Batch,
  BatchSchema,
  Duplicates,
  type Samples,
  SampleType,
} from "#gen/millrace/v1/signal_pb.ts";
import { toDuration } from "../../codec/timestamps.ts";
import { toErrorReport, toStateChange } from "../../codec/wire/events.ts";
import type { MachineRecords } from "./fleet.ts";

/** Samples are on their signal's grid. Undefined if nothing happened in the span. */
export function toBatch({ machine, states, errors, runs }: MachineRecords): Batch | undefined {
  if (states.length + errors.length + runs.length === 0) return undefined;
  const batch = create(BatchSchema, { machine });
  batch.stateChanges = states.map(toStateChange);
  batch.errorReports = errors.map(toErrorReport);
  batch.samples = runs.map(({ profile, startUs, values }): Samples => {
    const { signal, unit, maxGapUs, periodUs } = profile;
    const grid = {
      $typeName: "millrace.v1.Grid" as const,
      startUs: BigInt(startUs),
      periodUs: BigInt(periodUs),
    };
    const times: Samples["times"] = { case: "grid", value: grid };
    const declared = {
      signal,
      unit,
      maxGap: toDuration(maxGapUs),
      sampleType: SampleType.UNSPECIFIED,
      duplicates: Duplicates.UNSPECIFIED,
    };
    return { $typeName: "millrace.v1.Samples", ...declared, times, values };
  });
  return batch;
}
