// How an uplink is: what it holds, what came of what it sent, and the condition of its spool.
import type { BatchSender } from "./lanes.ts";
import type { Spool } from "./spool/spool.ts";

export type UplinkStatus = {
  connected: boolean;
  /** Taken and not acknowledged. */
  heldBatches: number;
  heldRecords: number;
  heldBytes: number;
  /** Since the opening, rejected ones included. */
  ackedBatches: number;
  ackedRecords: number;
  rejectedRecords: number;
  /** Batches that were stored already when they came: a success. */
  duplicateBatches: number;
  /** The accessor's warnings about samples that are stored, but give no integral or no energy. */
  warnings: number;
  /** Acknowledged by the accessor and gone there: it was restored to an earlier point. */
  lostBatches: number;
  /**
   * Bytes of the spool's files, which are deleted when all in one is acknowledged; in memory the
   * same as heldBytes.
   */
  usedBytes: number;
  /** Their bound. */
  maxBytes: number;
  /** Batches and records that wait in the spool's backlog lane. */
  backlogBatches: number;
  backlogRecords: number;
  /** Given up since the opening, because the spool was full. */
  droppedBatches: number;
  droppedRecords: number;
  /** Nothing can be taken since the spool's disk has no space. */
  diskFull: boolean;
};

type Sent = Pick<BatchSender, "counts" | "held">;

/** The status of a sender whose batches wait in a spool. */
export function spoolStatus(sender: Sent, spool: Spool): UplinkStatus {
  const { live, backlog, usedBytes, maxBytes } = spool;
  return {
    ...sentStatus(sender),
    usedBytes,
    maxBytes,
    backlogBatches: backlog.held.batches,
    backlogRecords: backlog.held.records,
    droppedBatches: live.dropped.batches + backlog.dropped.batches,
    droppedRecords: live.dropped.records + backlog.dropped.records,
    diskFull: live.diskFullSinceMs !== undefined || backlog.diskFullSinceMs !== undefined,
  };
}

/** The status of a sender whose batches wait in memory. */
export function memoryStatus(sender: Sent, { maxBytes }: { maxBytes: number }): UplinkStatus {
  return {
    ...sentStatus(sender),
    usedBytes: sender.held.bytes,
    maxBytes,
    backlogBatches: 0,
    backlogRecords: 0,
    droppedBatches: 0,
    droppedRecords: 0,
    diskFull: false,
  };
}

function sentStatus({ counts, held }: Sent) {
  return {
    connected: counts.connected,
    heldBatches: held.batches,
    heldRecords: held.records,
    heldBytes: held.bytes,
    ackedBatches: counts.ackedBatches,
    ackedRecords: counts.ackedRecords,
    rejectedRecords: counts.rejectedRecords,
    duplicateBatches: counts.duplicateBatches,
    warnings: counts.warnings,
    lostBatches: counts.lostBatches,
  };
}
