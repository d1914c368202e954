// State changes and error reports as the contract's messages, from plain values.
import type {
  ErrorReport,
  MachineState,
  Severity,
  StateChange,
} from "#gen/millrace/v1/signal_pb.ts";
import { toTimestamp } from "../timestamps.ts";

export type StateAt = {
  readonly timeUs: number;
  readonly state: MachineState;
  readonly reason: string;
};

export type ErrorAt = {
  readonly timeUs: number;
  readonly severity: Severity;
  readonly code: string;
  readonly message: string;
};

export function toStateChange({ timeUs, state, reason }: StateAt): StateChange {
  return { $typeName: "millrace.v1.StateChange", time: toTimestamp(timeUs), state, reason };
}

export function toErrorReport({ timeUs, severity, code, message }: ErrorAt): ErrorReport {
  const time = toTimestamp(timeUs);
  return { $typeName: "millrace.v1.ErrorReport", time, severity, code, message };
}
