// What a source delivers, and what reading it gives: the form that all sources share.
import type { RowRecord } from "../../codec/row/row-record.ts";

export type Delivery = {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Whether the broker kept the message from before: when it was sent is unknown. */
  readonly retained: boolean;
  /** Whether the broker has sent it before, so that it may be stored already. */
  readonly redelivered: boolean;
  /** Microseconds since 1970; no two deliveries of a process have the same. */
  readonly receivedUs: number;
};

export type Reading = {
  readonly records: RowRecord[];
  /** What cannot be stored, in words: these make the message a dead letter. */
  readonly faults: string[];
  /** What was left out by rule, and why. */
  readonly skipped: Skipped | undefined;
  /** Messages to send in answer. */
  readonly answers: readonly { readonly topic: string; readonly payload: Uint8Array }[];
};

/** retained: without a time of its own. unmapped: no rule takes it. */
export type Skipped = "retained" | "unmapped";
