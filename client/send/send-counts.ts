// What a sender counts, and the sum of two senders' counts.
import type { RejectionCounts } from "./rejections.ts";

export type SendCounts = RejectionCounts & {
  connected: boolean;
  ackedBatches: number;
  /** Records in acknowledged batches, rejected ones included. */
  ackedRecords: number;
  /** How often a connection was lost or could not be made. */
  breaks: number;
  /** Batches sent again after a break. */
  resentBatches: number;
  /** Batches that the accessor had acknowledged and lost (Welcome.lost). */
  lostBatches: number;
};

export const noCounts: Readonly<SendCounts> = {
  connected: false,
  ackedBatches: 0,
  ackedRecords: 0,
  breaks: 0,
  resentBatches: 0,
  lostBatches: 0,
  refusedBatches: 0,
  rejectedRecords: 0,
  duplicateBatches: 0,
  warnings: 0,
};

/** Two senders count as one, which is connected if both are. */
export function addCounts(a: SendCounts, b: SendCounts): SendCounts {
  return {
    connected: a.connected && b.connected,
    ackedBatches: a.ackedBatches + b.ackedBatches,
    ackedRecords: a.ackedRecords + b.ackedRecords,
    breaks: a.breaks + b.breaks,
    resentBatches: a.resentBatches + b.resentBatches,
    lostBatches: a.lostBatches + b.lostBatches,
    refusedBatches: a.refusedBatches + b.refusedBatches,
    rejectedRecords: a.rejectedRecords + b.rejectedRecords,
    duplicateBatches: a.duplicateBatches + b.duplicateBatches,
    warnings: a.warnings + b.warnings,
  };
}
