// Everything between a batch and the accessor: transport, outbox in memory or spool on disk,
// uplinks, dead letters. Owns and closes them.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import type { Log } from "../../runtime/log.ts";
import { type CertificateFiles, openCertificates } from "../../runtime/tls/certificates.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { type Sender, startLanes } from "./lanes.ts";
import { createMemoryOutbox } from "./outbox.ts";
import type { WhenFull } from "./spool/room.ts";
import { openSpool, type Spool } from "./spool/spool.ts";
import { startUplink } from "./uplink.ts";

export type SenderOptions = {
  /** URL of the accessor. */
  accessor: string;
  /**
   * With an https URL: authorities to believe, default those of Node; and what to show an accessor
   * that asks for a certificate.
   */
  certificateFiles?: CertificateFiles | undefined;
  /** Key or token, for an accessor that asks for one. */
  apiKey?: string | undefined;
  /** Default a new one; a spool keeps it. */
  producerId?: string | undefined;
  /**
   * In memory only: batches of this id are the same each time, so an accessor that has some of them
   * already is told all of them again.
   */
  repeats?: boolean;
  /** Where batches wait: in memory, or in a folder. */
  hold: { memoryBytes: number } | { folder: string; maxBytes: number; whenFull: WhenFull };
  /** File for rejected records; default rejected.ndjson in the spool, or none. */
  deadLetters?: string | undefined;
  log: Log;
};

/** How a spool is. */
export type SpoolStatus = {
  /** Bytes of batches that wait. */
  heldBytes: number;
  /** Bytes of its files, which are deleted when all in one is acknowledged; and their bound. */
  usedBytes: number;
  maxBytes: number;
  /** Batches and records that wait in the backlog lane. */
  backlogBatches: number;
  backlogRecords: number;
  /** Given up since the start, because it was full. */
  droppedBatches: number;
  droppedRecords: number;
  /** Nothing can be taken since the disk has no space. */
  diskFull: boolean;
};

export type OpenSender = Sender & { readonly spool: SpoolStatus | undefined };

/**
 * Opens it and starts to send. Disposal does not wait for acks: call close first. Throws what
 * opening certificates and spool throws.
 */
export async function openSender(options: SenderOptions): Promise<OpenSender> {
  const { accessor, certificateFiles, apiKey, hold, log } = options;
  await using opened = new AsyncDisposableStack();
  const certificates =
    certificateFiles && opened.use(await openCertificates(certificateFiles, { log }));
  const transport = opened.use(
    createGrpcTransport({
      baseUrl: accessor,
      certificates,
      ...(apiKey === undefined ? {} : { headers: { authorization: `Bearer ${apiKey}` } }),
    }),
  );
  const spool =
    "folder" in hold
      ? opened.use(await openSpool({ ...hold, producerId: options.producerId, log }))
      : undefined;
  const path = options.deadLetters ?? (spool && join(spool.folder, "rejected.ndjson"));
  const deadLetters = path === undefined ? undefined : opened.use(createDeadLetters({ path, log }));
  const shared = { transport, deadLetters, log };
  const sender = opened.use(
    "folder" in hold
      ? startLanes({ ...shared, spool: spool! })
      : startUplink({
          ...shared,
          // Numbered in memory, so from 1 again after a restart: under an old id, the accessor
          // would find other content under the numbers.
          producerId: options.producerId ?? `sim-${randomBytes(6).toString("hex")}`,
          repeats: options.repeats ?? false,
          outbox: createMemoryOutbox({ maxBytes: hold.memoryBytes }),
        }),
  );
  const owned = opened.move();
  return {
    producerId: sender.producerId,
    get counts() {
      return sender.counts;
    },
    get held() {
      return sender.held;
    },
    get failed() {
      return sender.failed;
    },
    get spool() {
      return spool && statusOf(spool);
    },
    append: (batch, given) => sender.append(batch, given),
    flush: (given) => sender.flush(given),
    close: (given) => sender.close(given),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function statusOf({ live, backlog, usedBytes, maxBytes }: Spool): SpoolStatus {
  return {
    heldBytes: live.held.bytes + backlog.held.bytes,
    usedBytes,
    maxBytes,
    backlogBatches: backlog.held.batches,
    backlogRecords: backlog.held.records,
    droppedBatches: live.dropped.batches + backlog.dropped.batches,
    droppedRecords: live.dropped.records + backlog.dropped.records,
    diskFull: live.diskFullSinceMs !== undefined || backlog.diskFullSinceMs !== undefined,
  };
}
