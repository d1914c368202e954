// A batch of the feed as plain records, which can be sent to a page.
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import { toColumn } from "../../codec/wire/samples.ts";
import type { MachineRecords } from "./messages.ts";

export type BatchRecords = MachineRecords & { readonly machine: string };

export function recordsOf(batch: Batch, cursor: string): BatchRecords {
  return {
    machine: batch.machine,
    columns: batch.samples.map((samples) => ({
      signal: samples.signal,
      unit: samples.unit,
      ...toColumn(samples),
    })),
    stateChanges: batch.stateChanges.map(({ time, state, reason }) => ({
      timeUs: toTimeUs(time)!,
      state,
      reason,
    })),
    errorReports: batch.errorReports.map(({ time, severity, code, message }) => ({
      timeUs: toTimeUs(time)!,
      severity,
      code,
      message,
    })),
    cursor,
  };
}
