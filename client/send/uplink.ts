// Sends batches to an accessor, for any program: open, append, flush, close. A batch that append
// has taken is stored once, even if the connection breaks or, with a spool, the process ends.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { countRecords } from "../../codec/wire/count-records.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { createLog, type Log } from "../../runtime/log.ts";
import { type CertificateFiles, openCertificates } from "../../runtime/tls/certificates.ts";
import { createMemoryOutbox } from "../outbox/outbox.ts";
import type { WhenFull } from "../spool/byte-bound.ts";
import { openSpool } from "../spool/spool.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { startLanes } from "./lanes.ts";
import { SequenceSender } from "./sequence-sender.ts";
import { memoryStatus, spoolStatus, type UplinkStatus } from "./uplink-status.ts";

export { BatchSchema, MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
export { toSamples } from "../../codec/wire/samples.ts";
export { SpoolError } from "../spool/segment.ts";
export { UplinkError } from "./session-problem.ts";
export type { UplinkStatus } from "./uplink-status.ts";

type SpoolOptions = {
  /** Folder of the spool, one for each process. Created if it does not exist. */
  spoolDir: string;
  /** Bound on the spool; default 1 GiB. */
  maxBytes?: number | undefined;
  /**
   * At the bound: "block" (default) lets append wait; "drop-oldest" gives up the oldest batches and
   * records the gap.
   */
  whenFull?: WhenFull | undefined;
};

type MemoryOptions = {
  /** Without a spool: batches wait in memory, and append waits while they have this many bytes. */
  outboxBytes: number;
  /**
   * Whether every process that sends under this producer id sends the same batches: those that the
   * accessor already has are sent again, and found to be duplicates. Default false.
   */
  repeats?: boolean | undefined;
};

export type UplinkOptions = {
  /**
   * URL of the accessor: "http://127.0.0.1:50051", or "https://…" for TLS. It need not be running
   * yet.
   */
  accessor: string;
  /**
   * With https, PEM files, read again when they change: `ca` to trust (default the authorities of
   * Node), `cert` and `key` to present if the accessor asks for a certificate.
   */
  certificateFiles?: CertificateFiles | undefined;
  /** Key or token, for an accessor that asks for one. */
  apiKey?: string | undefined;
  /**
   * Id of the producer; default a new one. A spool keeps it from its first use on; it then has at
   * most 120 characters of A-Z a-z 0-9 . _ : -. In memory, batches are numbered from 1, so the id
   * must never have been used.
   */
  producerId?: string | undefined;
  /** File for rejected records; default rejected.ndjson in the spool, or none. */
  deadLetters?: string | undefined;
  /** Default: warnings and errors, on standard error. */
  log?: Log | undefined;
} & (SpoolOptions | MemoryOptions);

/** A batch, as a message or as its fields. */
export type BatchInit = MessageInitShape<typeof BatchSchema>;

/** What an uplink could not get acknowledged before it was closed. */
export type Unacked = { unackedBatches: number; unackedRecords: number };

export interface Uplink extends AsyncDisposable {
  readonly producerId: string;
  readonly status: UplinkStatus;
  /**
   * Aborts, with its reason, when nothing can be accepted or sent any more. Correct what the reason
   * names, then open another uplink.
   */
  readonly failed: AbortSignal;
  /**
   * Takes a batch of at least one record: resolves when the batch is held, on disk if there is a
   * spool. From then on it is sent until it is acknowledged. Waits while the spool, its disk or the
   * memory is full, until `abort` aborts. Do not change the batch before the promise settles. Many
   * appends at once share one sync.
   */
  append(batch: BatchInit, options?: { abort?: AbortSignal }): Promise<void>;
  /** Resolves when everything that was taken is acknowledged. */
  flush(options?: { abort?: AbortSignal }): Promise<void>;
  /**
   * Takes no more batches, waits up to `waitMs` (default 3000) for acks, closes. Batches without an
   * ack stay in the spool; without a spool they may or may not be stored.
   */
  close(options?: { waitMs?: number }): Promise<Unacked>;
}

/**
 * Opens the spool if there is one, recovers it, and starts to send. Throws ConfigError for
 * certificates that cannot be used, and SpoolError if another process uses the spool or it belongs
 * to another producer.
 */
export async function openUplink(options: UplinkOptions): Promise<Uplink> {
  await using opened = new AsyncDisposableStack();
  const { sender, readStatus } = await openSender(options, opened);
  const owned = opened.move();
  const never = new AbortController().signal;
  let closing: Promise<Unacked> | undefined;
  const close = async (waitMs: number) => {
    try {
      return await sender.close({ abort: AbortSignal.timeout(waitMs) });
    } finally {
      await owned.disposeAsync();
    }
  };
  return {
    producerId: sender.producerId,
    failed: sender.failed,
    get status() {
      return readStatus();
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

/** Opens the parts of an uplink; `opened` disposes of them. */
async function openSender(options: UplinkOptions, opened: AsyncDisposableStack) {
  const { accessor, certificateFiles, apiKey } = options;
  const log = options.log ?? createLog({ name: "uplink", level: "warn" });
  const certificates =
    certificateFiles && opened.use(await openCertificates(certificateFiles, { log }));
  const transport = opened.use(
    createGrpcTransport({
      baseUrl: accessor,
      certificates,
      ...(apiKey === undefined ? {} : { headers: { authorization: `Bearer ${apiKey}` } }),
    }),
  );
  const openLetters = (path: string | undefined) =>
    path === undefined ? undefined : opened.use(createDeadLetters({ path, log }));

  if ("spoolDir" in options) {
    const { spoolDir: folder, maxBytes, whenFull, producerId } = options;
    const spool = opened.use(await openSpool({ folder, maxBytes, whenFull, producerId, log }));
    const deadLetters = openLetters(options.deadLetters ?? join(spool.folder, "rejected.ndjson"));
    const sender = opened.use(startLanes({ transport, spool, deadLetters, log }));
    return { sender, readStatus: () => spoolStatus(sender, spool) };
  }
  const { outboxBytes: maxBytes, repeats } = options;
  const outbox = createMemoryOutbox({ maxBytes });
  const deadLetters = openLetters(options.deadLetters);
  // Numbering in memory restarts at 1: under an old id, the accessor would find other content under
  // the same numbers.
  const producerId = options.producerId ?? `p-${randomBytes(6).toString("hex")}`;
  const sender = opened.use(
    new SequenceSender({ transport, producerId, repeats, outbox, deadLetters, log }),
  );
  return { sender, readStatus: () => memoryStatus(sender, { maxBytes }) };
}
