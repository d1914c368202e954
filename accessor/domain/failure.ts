// The accessor's one error class: a reason of the contract, a message for people, and details for
// programs. The RPC edge maps it.
import type { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";

/** Name of a reason, without the enum's prefix: "CURSOR_EXPIRED". */
export type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

export type FailureOptions = {
  /** Details of the reason, as its comment in the contract describes. */
  metadata?: Record<string, string>;
  /** Fields of the request that are wrong. */
  violations?: { field: string; description: string }[];
  /** How long to wait before a retry. */
  retryAfterMs?: number;
  /** For the log, never for the wire. */
  cause?: unknown;
};

export class Failure extends Error {
  override readonly name = "Failure";
  readonly reason: Reason;
  readonly metadata: Record<string, string>;
  readonly violations: { field: string; description: string }[];
  readonly retryAfterMs: number | undefined;

  constructor(reason: Reason, message: string, options: FailureOptions = {}) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }
}
