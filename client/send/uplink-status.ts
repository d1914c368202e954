// The status of an uplink: what it holds, the results of what it sent, and the state of its spool.

import type { Spool } from "../spool/spool.ts";
import type { BatchSender } from "./lanes.ts";

export type UplinkStatus = {
  connected: boolean;
  /** Batches that were taken and are not acknowledged. */
  heldBatches: number;
  heldRecords: number;
  heldBytes: number;
  /** Acknowledged since the opening, rejected ones included. */
  ackedBatches: number;
  ackedRecords: number;
  rejectedRecords: number;
  /** Batches that were stored already when they arrived: a success. */
  duplicateBatches: number;
  /** The accessor's warnings about samples that are stored, but give no integral or no energy. */
  warnings: number;
  /**
   * Batches that the accessor acknowledged and then lost, because it was restored to an earlier
   * point.
   */
  lostBatches: number;
  /**
   * Bytes of the spool's files; a file is deleted when all its batches are acknowledged. In memory
   * the same as heldBytes.
   */
  usedBytes: number;
  /** The bound on usedBytes. */
  maxBytes: number;
  /** Batches and records that wait in the spool's backlog lane. */
  backlogBatches: number;
  backlogRecords: number;
  /** Dropped since the opening, because the spool was full. */
  droppedBatches: number;
  droppedRecords: number;
  /** Whether the spool cannot take batches because its disk has no space. */
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
