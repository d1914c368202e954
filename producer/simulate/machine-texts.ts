// Texts that machines report: error codes and messages of a plant, and reasons for state changes.
// Words only.
import { Severity } from "#gen/millrace/v1/signal_pb.ts";

/** An error that a machine can report. */
export type ErrorKind = {
  readonly severity: Severity;
  readonly code: string;
  readonly message: string;
};

const { INFO, WARNING, ERROR, CRITICAL } = Severity;
const kind = (severity: Severity, code: string, message: string): ErrorKind => ({
  severity,
  code,
  message,
});

/**
 * Errors by severity. Each is reported about as often as it occurs in this list: real machines warn
 * more often than they fail.
 */
export const errorKinds: readonly ErrorKind[] = [
  kind(INFO, "I1004", "Maintenance due in 40 operating hours"),
  kind(INFO, "I1011", "Tool life at 80 %"),
  kind(INFO, "I1020", "Part counter reached its preset"),
  kind(WARNING, "W2003", "Coolant level low"),
  kind(WARNING, "W2017", "Spindle bearing temperature above 65 °C"),
  kind(WARNING, "W2031", "Lubrication pressure below 1.8 bar"),
  kind(WARNING, "W2040", "Chip conveyor load above 90 %"),
  kind(WARNING, "W2052", "Axis X following error above 30 µm"),
  kind(WARNING, "W2066", "Compressed air below 5.5 bar"),
  kind(ERROR, "E3008", "Part not seated, clamping repeated"),
  kind(ERROR, "E3014", "Tool probe without contact, retried"),
  kind(ERROR, "E3022", "Measurement out of tolerance, part rejected"),
  kind(ERROR, "E3035", "Feeder empty"),
  kind(ERROR, "E3047", "Communication with fieldbus node 12 lost, reconnected"),
];

/** Errors that stop a machine. */
export const criticalKinds: readonly ErrorKind[] = [
  kind(CRITICAL, "F4001", "Spindle overload"),
  kind(CRITICAL, "F4006", "Tool breakage detected"),
  kind(CRITICAL, "F4013", "Axis Z drive overcurrent"),
  kind(CRITICAL, "F4019", "Hydraulic pressure lost"),
  kind(CRITICAL, "F4027", "Safety door opened while running"),
  kind(CRITICAL, "F4033", "Workpiece jammed"),
];

/** Why a machine starts to produce, waits, stops without an error report, or is switched off. */
export const stateReasons = {
  active: ["Cycle started", "Next part loaded", "Program resumed", "Job released"],
  idle: [
    "Cycle finished",
    "Waiting for material",
    "Tool change",
    "Waiting for operator",
    "Part removal",
  ],
  fault: ["Emergency stop pressed", "Light curtain interrupted", "Guard unlocked"],
  off: ["Switched off by operator", "Energy saving", "Drives disabled"],
} as const;
