// Bounds on the texts of records, used when rows are read and when records are stored.
import type { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";

/** What is wrong with a record: the reason's name, without its prefix, and words for people. */
export type Fault = { readonly reason: keyof typeof ErrorReason; readonly message: string };

/** Characters, in UTF-16 units, of the texts of a record. */
export const textBounds = {
  unit: { max: 32 },
  reason: { max: 256 },
  code: { min: 1, max: 64 },
  message: { max: 1024 },
} as const satisfies Record<string, { min?: number; max: number }>;

/** The longest max_gap that a signal may declare: a day. */
export const maxMaxGapUs = 24 * 3600 * 1_000_000;
export const maxGapFault: Fault = {
  reason: "SIGNAL_DECLARATION_MISMATCH",
  message: "max_gap must be above 0 and at most 24 h",
};
export const sampleTypeFault: Fault = {
  reason: "SIGNAL_DECLARATION_MISMATCH",
  message: "sample_type must be LINEAR, STEP or COUNTER",
};
export const stateFault: Fault = {
  reason: "STATE_REQUIRED",
  message: "state must be ACTIVE, IDLE, FAULT or OFF",
};
export const severityFault: Fault = {
  reason: "SEVERITY_REQUIRED",
  message: "severity must be INFO, WARNING, ERROR or CRITICAL",
};
export const notFinite: Fault = {
  reason: "VALUE_NOT_FINITE",
  message: "NaN and infinities are not measurements: leave the sample out",
};

/** Why a text cannot be stored; undefined if it can. Characters count as UTF-16 units. */
export function textFault(
  field: string,
  text: string,
  { min = 0, max }: { min?: number; max: number },
): Fault | undefined {
  const fault = (what: string): Fault => ({ reason: "TEXT_INVALID", message: `${field} ${what}` });
  if (text.length < min) return fault("is required");
  if (text.length > max) return fault(`has ${text.length} characters; at most ${max} are allowed`);
  if (text.includes("\0")) return fault("contains U+0000, which PostgreSQL cannot store");
  if (!text.isWellFormed())
    return fault("contains half a surrogate pair, which is not a character");
  return undefined;
}
