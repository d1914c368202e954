// How states and severities look: the token of their colour and their shape, the same everywhere.
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";

/** Names of tokens: --NAME is the fill, --NAME-text the colour of text. */
export type LookName =
  | "active"
  | "idle"
  | "fault"
  | "off"
  | "silent"
  | "unknown"
  | "info"
  | "warning"
  | "error"
  | "critical";

export const lookOfState: Readonly<Record<MachineState, LookName>> = {
  [MachineState.UNSPECIFIED]: "unknown",
  [MachineState.ACTIVE]: "active",
  [MachineState.IDLE]: "idle",
  [MachineState.FAULT]: "fault",
  [MachineState.OFF]: "off",
};

export const lookOfSeverity: Readonly<Record<Severity, LookName>> = {
  [Severity.UNSPECIFIED]: "unknown",
  [Severity.INFO]: "info",
  [Severity.WARNING]: "warning",
  [Severity.ERROR]: "error",
  [Severity.CRITICAL]: "critical",
};

/**
 * Shapes as SVG paths in a square of 12 by 12: a triangle that plays, two bars, a warning triangle,
 * a ring, a dash; for severities a circle, a diamond, a square, and an octagon.
 */
export const shapeOf: Readonly<Record<LookName, string>> = {
  active: "M3 1.5v9l7.5-4.5z",
  idle: "M2.5 1.5h2.6v9H2.5zM6.9 1.5h2.6v9H6.9z",
  fault: "M6 .8 11.7 11H.3z",
  off: "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1zm0 2.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z",
  silent: "M1 5h2.6v2H1zM4.7 5h2.6v2H4.7zM8.4 5H11v2H8.4z",
  unknown:
    "M5 8.5h2v2H5zM3.4 4.2C3.4 2.5 4.5 1.3 6 1.3s2.7 1 2.7 2.5C8.7 5.6 7 5.8 7 7.5H5c0-2.2 1.7-2.6 1.7-3.6 0-.5-.3-.8-.8-.8s-.8.4-.8 1.1z",
  info: "M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z",
  warning: "M6 .7 11.3 6 6 11.3.7 6z",
  error: "M1.5 1.5h9v9h-9z",
  critical: "M3.7.8h4.6l3 3v4.4l-3 3H3.7l-3-3V3.8z",
};
