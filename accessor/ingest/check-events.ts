// Splits a batch's state changes and error reports into stored and rejected ones.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type Batch,
  type ErrorReport,
  MachineState,
  Severity,
  type StateChange,
} from "#gen/millrace/v1/signal_pb.ts";
import {
  type Fault,
  severityFault,
  stateFault,
  textBounds,
  textFault,
} from "../../codec/row/text-fault.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import type { Placed } from "../store/ingest.ts";
import { type TimeLimits, timeFault } from "./time-limits.ts";
import type { Verdicts } from "./verdicts.ts";

type Checks = { timeLimits: TimeLimits; verdicts: Verdicts };

export function acceptStateChanges({ stateChanges }: Batch, checks: Checks): Placed<StateChange>[] {
  return accept(stateChanges, RecordKind.STATE_CHANGE, checks, ({ state, reason }) =>
    state < MachineState.ACTIVE || state > MachineState.OFF
      ? stateFault
      : textFault("reason", reason, textBounds.reason),
  );
}

export function acceptErrorReports({ errorReports }: Batch, checks: Checks): Placed<ErrorReport>[] {
  return accept(errorReports, RecordKind.ERROR_REPORT, checks, ({ severity, code, message }) =>
    severity < Severity.INFO || severity > Severity.CRITICAL
      ? severityFault
      : (textFault("code", code, textBounds.code) ??
        textFault("message", message, textBounds.message)),
  );
}

function accept<T extends { time?: Timestamp | undefined }>(
  records: readonly T[],
  kind: RecordKind,
  { timeLimits, verdicts }: Checks,
  check: (record: T) => Fault | undefined,
): Placed<T>[] {
  const accepted: Placed<T>[] = [];
  for (const [position, record] of records.entries()) {
    const timeUs = toTimeUs(record.time);
    const fault = timeUs === undefined ? noTime : (timeFault(timeUs, timeLimits) ?? check(record));
    if (fault !== undefined) verdicts.add({ kind, first: position }, fault);
    else accepted.push({ record, position, timeUs: timeUs! });
  }
  return accepted;
}

/** Rejects all of these records, and removes them. */
export function rejectEvents(
  placed: Placed<unknown>[],
  kind: RecordKind,
  fault: Fault,
  verdicts: Verdicts,
): void {
  for (const { position } of placed.splice(0)) verdicts.add({ kind, first: position }, fault);
}

const noTime: Fault = {
  reason: "TIME_INVALID",
  message: "time is required, with nanos from 0 to 999,999,999",
};
