// The producer for other programs: open, append, flush, close. What append has taken arrives once,
// whatever happens in between.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { countRecords } from "../../codec/wire/count-records.ts";
import { createLog, type Log } from "../../runtime/log.ts";
import type { CertificateFiles } from "../../runtime/tls/certificates.ts";
import { openSender, type SpoolStatus } from "./sender.ts";
import type { WhenFull } from "./spool/room.ts";

export { BatchSchema, MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
export { toSamples } from "../../codec/wire/samples.ts";
export { SpoolError } from "./spool/segment.ts";
export { UplinkError } from "./uplink.ts";

export type UplinkOptions = {
  /**
   * URL of the accessor: "http://127.0.0.1:50051", or "https://…" for TLS. It need not be there.
   */
  accessor: string;
  /**
   * With https, PEM files, read again when they change: `ca` to believe (default those of Node),
   * `cert` and `key` to show an accessor that asks.
   */
  certificateFiles?: CertificateFiles;
  /** Key or token, for an accessor that asks for one. */
  apiKey?: string;
  /** Folder of the spool, one for each process. Made if it is not there. */
  spoolDir: string;
  /**
   * Who sends; the spool keeps it from its first use on. Default a new one. At most 120 of A-Z a-z
   * 0-9 . _ : -
   */
  producerId?: string;
  /** Bound on the spool; default 1 GiB. */
  maxBytes?: number;
  /**
   * At the bound, or when the disk is full: "block" (default) lets append wait; "drop-oldest" gives
   * up the oldest batches and records the gap.
   */
  whenFull?: WhenFull;
  /** File for rejected records; default rejected.ndjson in the spool. */
  deadLetters?: string;
  /** Default: warnings and errors, on standard error. */
  log?: Log;
};

export type UplinkStatus = SpoolStatus & {
  connected: boolean;
  /** Taken and not acknowledged. */
  heldBatches: number;
  heldRecords: number;
  /** Since the opening, rejected ones included. */
  ackedBatches: number;
  ackedRecords: number;
  rejectedRecords: number;
  /** Words of the accessor on samples that are stored, but give no integral or no energy. */
  warnings: number;
  /** Acknowledged by the accessor and gone there: it was restored to an earlier point. */
  lostBatches: number;
};

/** A batch, as a message or as its fields. */
export type BatchInit = MessageInitShape<typeof BatchSchema>;

export interface Uplink extends AsyncDisposable {
  readonly producerId: string;
  readonly status: UplinkStatus;
  /**
   * Aborts, with its reason, when nothing can be taken or sent any more; open anew after mending
   * what it says.
   */
  readonly failed: AbortSignal;
  /**
   * Takes a batch of at least one record: resolves when it is on the disk, from where it will be
   * sent until it is acknowledged. Waits while the spool or the disk is full, until `signal`
   * aborts. Do not change the batch before that. Many appends at once share one sync.
   */
  append(batch: BatchInit, options?: { abort?: AbortSignal }): Promise<void>;
  /** Resolves when everything that was taken is acknowledged. */
  flush(options?: { abort?: AbortSignal }): Promise<void>;
  /**
   * Takes no more, waits up to `waitMs` (default 3000) for acks, closes. What has none stays in the
   * spool.
   */
  close(options?: { waitMs?: number }): Promise<{ unackedBatches: number; unackedRecords: number }>;
}

/**
 * Opens the spool, recovers it, and starts to send. Throws ConfigError for certificates that are no
 * good, SpoolError if another process uses it, or it belongs to another producer.
 */
export async function openUplink(options: UplinkOptions): Promise<Uplink> {
  const {
    accessor,
    certificateFiles,
    apiKey,
    spoolDir: folder,
    producerId,
    maxBytes = 2 ** 30,
    whenFull = "block",
    deadLetters,
  } = options;
  const log = options.log ?? createLog({ name: "uplink", level: "warn" });
  const sender = await openSender({
    accessor,
    certificateFiles,
    apiKey,
    producerId,
    hold: { folder, maxBytes, whenFull },
    deadLetters,
    log,
  });
  const never = new AbortController().signal;
  let closing: Promise<{ unackedBatches: number; unackedRecords: number }> | undefined;
  const close = async (waitMs: number) => {
    try {
      return await sender.close({ abort: AbortSignal.timeout(waitMs) });
    } finally {
      await sender[Symbol.asyncDispose]();
    }
  };
  return {
    producerId: sender.producerId,
    get status() {
      const { counts, held } = sender;
      const { connected, ackedBatches, ackedRecords, rejectedRecords, warnings, lostBatches } =
        counts;
      const own = { connected, ackedBatches, ackedRecords, rejectedRecords, warnings, lostBatches };
      return { ...sender.spool!, ...own, heldBatches: held.batches, heldRecords: held.records };
    },
    get failed() {
      return sender.failed;
    },
    async append(init, { abort = never } = {}) {
      const batch = create(BatchSchema, init);
      if (countRecords(batch) === 0) throw new RangeError("a batch needs at least one record");
      await sender.append(batch, { abort });
    },
    flush: ({ abort = never } = {}) => sender.flush({ abort }),
    close({ waitMs = 3000 } = {}) {
      closing ??= close(waitMs);
      return closing;
    },
    async [Symbol.asyncDispose]() {
      closing ??= close(3000);
      await closing;
    },
  };
}
