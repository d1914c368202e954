// Sends a spool's two lanes side by side: new batches go first, and the backlog of an outage
// follows.
import type { Transport } from "@connectrpc/connect";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import type { Log } from "../../runtime/log.ts";
import type { Entry } from "../outbox/outbox.ts";
import type { Lane } from "../spool/lane.ts";
import type { Spool } from "../spool/spool.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { addCounts, type SendCounts } from "./send-counts.ts";
import { SequenceSender, type SequenceSenderOptions } from "./sequence-sender.ts";
import { createWarnings } from "./warnings.ts";

/** Takes batches and sends them to the accessor: as one sequence, or as a spool's two lanes. */
export type BatchSender = Pick<
  SequenceSender,
  "producerId" | "counts" | "held" | "failed" | "append" | "flush" | "close"
> &
  AsyncDisposable;

export type LanesOptions = {
  transport: Transport;
  /** The caller closes it. */
  spool: Spool;
  log: Log;
  deadLetters?: DeadLetters | undefined;
  sleep?: SequenceSenderOptions["sleep"];
  /**
   * A live lane that holds this many bytes has fallen behind; later batches go to the backlog.
   * Default 1 MiB.
   */
  maxLiveBytes?: number;
  /**
   * Most bytes of backlog in flight at once, which bounds how long a live batch waits behind them.
   * Default 1 MiB.
   */
  maxBacklogInFlightBytes?: number;
};

/**
 * Starts both lanes. A batch goes to the live lane if, when it is appended, that lane is connected
 * and holds less than maxLiveBytes; otherwise to the backlog. It stays in its lane. Each lane keeps
 * its own order. The backlog sends only while the live lane is connected, has sent all that it
 * holds, and has acknowledgements of what it held when it connected.
 */
export function startLanes(options: LanesOptions): BatchSender {
  const { transport, spool, log, deadLetters, sleep, maxLiveBytes = 2 ** 20 } = options;
  const { live, backlog } = spool;
  const warnings = createWarnings({ log });
  const shared = { transport, log, deadLetters, warnings, ...(sleep ? { sleep } : {}) };
  const liveSender = new SequenceSender({ ...shared, producerId: live.producerId, outbox: live });
  const turn = createBacklogTurn(options, liveSender.counts);
  const backlogSender = new SequenceSender({
    ...shared,
    producerId: backlog.producerId,
    outbox: backlog,
    turn,
  });
  const senders = [liveSender, backlogSender];
  const failed = AbortSignal.any([
    ...senders.map((one) => one.failed),
    live.failed,
    backlog.failed,
  ]);
  const isLive = () =>
    liveSender.counts.connected && live.held.bytes + live.waitingBatches * 1024 < maxLiveBytes;

  async function close({
    abort,
  }: {
    abort: AbortSignal;
  }): Promise<{ unackedBatches: number; unackedRecords: number }> {
    const ends = await Promise.all(senders.map((one) => one.close({ abort })));
    return {
      unackedBatches: ends.reduce((sum, { unackedBatches }) => sum + unackedBatches, 0),
      unackedRecords: ends.reduce((sum, { unackedRecords }) => sum + unackedRecords, 0),
    };
  }

  const onFailure = () => {
    for (const one of senders) void one.close({ abort: new AbortController().signal });
  };
  failed.addEventListener("abort", onFailure, { once: true });

  return {
    producerId: spool.producerId,
    failed,
    get counts() {
      return addCounts(liveSender.counts, backlogSender.counts);
    },
    get held() {
      return {
        batches: live.held.batches + backlog.held.batches,
        bytes: live.held.bytes + backlog.held.bytes,
        records: live.held.records + backlog.held.records,
      };
    },
    append: (batch: Batch, given) => (isLive() ? liveSender : backlogSender).append(batch, given),
    async flush(given) {
      const abort = AbortSignal.any([given.abort, failed]);
      // Batches that are appended meanwhile may go to either lane.
      do await Promise.all(senders.map((one) => one.flush({ abort })));
      while (live.held.batches + backlog.held.batches > 0);
    },
    close,
    async [Symbol.asyncDispose]() {
      failed.removeEventListener("abort", onFailure);
      await Promise.all(senders.map((one) => one[Symbol.asyncDispose]()));
    },
  };
}

/** Waits until the live lane has nothing to send, and little enough of the backlog is in flight. */
function createBacklogTurn(
  { spool, maxBacklogInFlightBytes = 2 ** 20 }: LanesOptions,
  liveCounts: Readonly<SendCounts>,
) {
  const { live, backlog, change } = spool;
  const flight = createFlight(backlog);
  let breaks = -1;
  let leftThrough = 0;
  const liveIsDone = () => {
    if (live.finished) return true;
    if (!liveCounts.connected || !live.starved) return false;
    if (breaks !== liveCounts.breaks) {
      breaks = liveCounts.breaks;
      leftThrough = live.lastSequence;
    }
    return live.ackedSequence >= leftThrough;
  };
  return async (entry: Entry, abort: AbortSignal): Promise<void> => {
    flight.resume(entry);
    while (!abort.aborted) {
      const inFlight = flight.bytes();
      const fits = inFlight === 0 || inFlight + entry.bytes.length <= maxBacklogInFlightBytes;
      if (fits && liveIsDone()) break;
      await change.next(abort);
    }
    flight.add(entry);
  };
}

/** Counts the bytes that were sent and are not acknowledged. */
function createFlight(lane: Lane) {
  let sent: Entry[] = [];
  let sum = 0;
  return {
    /** Forgets what a new session sends again. */
    resume({ sequence }: Entry): void {
      while (sent.length > 0 && sent.at(-1)!.sequence >= sequence) sum -= sent.pop()!.bytes.length;
    },
    bytes(): number {
      const acked = sent.findIndex(({ sequence }) => sequence > lane.ackedSequence);
      const gone = sent.slice(0, acked < 0 ? sent.length : acked);
      sent = sent.slice(gone.length);
      for (const { bytes } of gone) sum -= bytes.length;
      return sum;
    },
    add(entry: Entry): void {
      sent.push(entry);
      sum += entry.bytes.length;
    },
  };
}
