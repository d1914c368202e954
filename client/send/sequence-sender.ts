// Sends one numbered sequence of batches to the accessor: it sends what an outbox holds, releases
// what is acknowledged, and reconnects for as long as it runs.
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { type Ack, IngestService, type Welcome } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { countRecords } from "../../codec/wire/count-records.ts";
import { encodeNumberedBatch } from "../../codec/wire/encode.ts";
import { createBackoff, sleep as realSleep } from "../../runtime/backoff.ts";
import { failpoint } from "../../runtime/failpoint.ts";
import { causeChain, type Log } from "../../runtime/log.ts";
import type { Entry, Outbox } from "../outbox/outbox.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { runSession } from "./ingest-session.ts";
import { createRejections } from "./rejections.ts";
import { noCounts, type SendCounts } from "./send-counts.ts";
import { retryDelayMs, toUplinkError, UplinkError } from "./session-problem.ts";
import { createWarnings, type Warnings } from "./warnings.ts";

export type SequenceSenderOptions = {
  transport: Transport;
  /**
   * Id of the producer. An outbox in memory numbers from 1, so it needs an id that was never used,
   * or one whose batches are the same each time.
   */
  producerId: string;
  /**
   * Whether the batches are the same each time: those that the accessor already has are sent again.
   */
  repeats?: boolean | undefined;
  /** The sender closes it. */
  outbox: Outbox;
  /** Where rejected records go; default nowhere. */
  deadLetters?: DeadLetters | undefined;
  /** Logs warnings about stored batches; default one of its own. */
  warnings?: Warnings;
  /** Waits for a batch's turn to be sent; default no wait. */
  turn?: (entry: Entry, abort: AbortSignal) => Promise<void>;
  log: Log;
  /** How to wait between attempts; default a timer. */
  sleep?: (ms: number, abort: AbortSignal) => Promise<void>;
};

/**
 * Starts to send at once, and connects by itself. Disposal gives up what is not acknowledged: call
 * close first.
 */
export class SequenceSender implements AsyncDisposable {
  readonly counts: SendCounts = { ...noCounts };
  readonly producerId: string;
  readonly #outbox: Outbox;
  readonly #log: Log;
  readonly #sleep: (ms: number, abort: AbortSignal) => Promise<void>;
  readonly #client: Client<typeof IngestService>;
  readonly #deadLetters: DeadLetters | undefined;
  readonly #turn: SequenceSenderOptions["turn"];
  readonly #warnings: Warnings;
  readonly #countResult: ReturnType<typeof createRejections>;
  readonly #stop = new AbortController();
  readonly #failed = new AbortController();
  readonly #running: Promise<void>;
  /**
   * Highest sequence that may have reached the server: an earlier process may have sent the batches
   * that the outbox held at the start.
   */
  #sentThrough: number;
  /**
   * Losses up to this sequence have been reported. A welcome repeats them until a later batch is
   * sent.
   */
  #lostThrough = 0;
  #closed = false;
  readonly #repeats: boolean;

  constructor({
    transport,
    producerId,
    outbox,
    log,
    deadLetters,
    warnings = createWarnings({ log }),
    turn,
    repeats = false,
    sleep = realSleep,
  }: SequenceSenderOptions) {
    this.producerId = producerId;
    this.#outbox = outbox;
    this.#log = log.child({ producerId });
    this.#sleep = sleep;
    this.#deadLetters = deadLetters;
    this.#warnings = warnings;
    this.#turn = turn;
    this.#repeats = repeats;
    this.#client = createClient(IngestService, transport);
    this.#countResult = createRejections({ log: this.#log, counts: this.counts });
    this.#sentThrough = outbox.lastSequence;
    this.#running = this.#run();
  }

  /** Aborts, with an UplinkError as its reason, when this sender cannot go on. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** What is not acknowledged yet. */
  get held(): Outbox["held"] {
    return this.#outbox.held;
  }

  /**
   * Takes a batch, which must have a record. Waits while the outbox is full. Rejects when `abort`
   * aborts, and after a failure or close.
   */
  async append(batch: Batch, { abort }: { abort: AbortSignal }): Promise<void> {
    const encode = (sequence: number) => encodeNumberedBatch(sequence, batch);
    await this.#outbox.append(countRecords(batch), encode, { abort });
  }

  /**
   * Resolves when every batch taken so far and meanwhile is acknowledged. Rejects when `abort`
   * aborts, and after a failure.
   */
  async flush({ abort }: { abort: AbortSignal }): Promise<void> {
    await this.#outbox.emptied({ abort: AbortSignal.any([abort, this.failed]) });
  }

  /**
   * Takes no more batches, sends the rest, half-closes, waits for the acks until `abort` aborts,
   * and returns what has no ack.
   */
  async close({
    abort,
  }: {
    abort: AbortSignal;
  }): Promise<{ unackedBatches: number; unackedRecords: number }> {
    this.#closed = true;
    this.#outbox.close(new Error("the uplink is closed"));
    const stop = () => this.#stop.abort(abort.reason);
    abort.addEventListener("abort", stop, { once: true });
    if (abort.aborted) stop();
    try {
      await this.#running;
    } finally {
      abort.removeEventListener("abort", stop);
    }
    const { batches, records } = this.held;
    if (batches > 0 && this.#outbox.durable)
      this.#log.info("closed without acks: these stay in the spool", { batches, records });
    else if (batches > 0)
      this.#log.warn("closed without acks: these may or may not be stored", { batches, records });
    return { unackedBatches: batches, unackedRecords: records };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const disposed = new Error("the uplink is disposed of");
    if (!this.#closed) await this.close({ abort: AbortSignal.abort(disposed) });
    // Ends a close that still waits for acks.
    this.#stop.abort(disposed);
    await this.#running;
  }

  async #run(): Promise<void> {
    const backoff = createBackoff({ baseMs: 100, maxMs: 1000 });
    const abort = this.#stop.signal;
    let quietUntilMs = 0;
    while (!abort.aborted && !(this.#closed && this.held.batches === 0)) {
      let problem: unknown = new Error("the accessor ended the stream");
      const { ackedSequence } = this.#outbox;
      try {
        const onWelcome = (welcome: Welcome) => {
          const next = this.#welcome(welcome);
          backoff.reset();
          quietUntilMs = 0;
          return next;
        };
        const { atGap } = await runSession({
          client: this.#client,
          producerId: this.producerId,
          outbox: this.#outbox,
          abort,
          onWelcome,
          onAck: (ack) => this.#ack(ack),
          turn: this.#turn,
          onSend: (sequence) => this.#send(sequence),
        });
        // The next hello makes the accessor skip the gap.
        if (atGap && this.#outbox.ackedSequence > ackedSequence) continue;
        if (this.#closed && this.held.batches === 0) break;
      } catch (error) {
        if (abort.aborted) break;
        problem = error;
      }
      this.counts.connected = false;
      this.counts.breaks++;
      const fatal = toUplinkError(problem, {
        producerId: this.producerId,
        ackedSequence: this.#outbox.ackedSequence,
      });
      if (fatal) {
        this.#log.error(fatal.message);
        this.#outbox.close(fatal);
        this.#failed.abort(fatal);
        break;
      }
      // During a long outage, log one line a minute instead of one for each attempt.
      if (Date.now() >= quietUntilMs) {
        this.#log.warn("no connection to the accessor, trying again", {
          reason: causeChain(problem),
          heldBatches: this.held.batches,
        });
        quietUntilMs = Date.now() + 60_000;
      }
      const delayMs = Math.max(backoff.next(), retryDelayMs(problem));
      await this.#sleep(delayMs, abort).catch(() => {});
    }
    this.counts.connected = false;
  }

  #welcome({ lastSequence, lost }: Welcome): number {
    const last = Number(lastSequence);
    // A hello can name more than was sent, because it skips missing batches.
    this.#sentThrough = Math.max(this.#sentThrough, this.#outbox.ackedSequence);
    if (last > this.#sentThrough && !this.#repeats) {
      throw new UplinkError(
        `the accessor has batches up to ${last} of producer "${this.producerId}", ` +
          `but this process sent only up to ${this.#sentThrough}. Another producer uses this id ` +
          "or used it before, or the spool was restored from an older copy. Choose a new id",
      );
    }
    if (lost) this.#lost(Number(lost.first), Number(lost.last));
    // Batches that are stored but were never acknowledged here are sent once more: each comes back
    // as a duplicate, with the verdicts on its records. Where some of them are missing here, their
    // verdicts cannot be learned.
    if (this.#outbox.missing.some((gap) => gap.first <= last)) this.#letGo(last);
    this.counts.connected = true;
    this.#log.info("connected", { lastSequence: last, heldBatches: this.held.batches });
    return this.#outbox.ackedSequence + 1;
  }

  #lost(from: number, last: number): void {
    const first = Math.max(from, this.#lostThrough + 1);
    if (first > last) return;
    this.#lostThrough = last;
    const known = this.#outbox.missing.reduce(
      (sum, gap) => sum + Math.max(0, Math.min(gap.last, last) - Math.max(gap.first, first) + 1),
      0,
    );
    const batches = last - first + 1 - known;
    this.counts.lostBatches += batches;
    const fields = { first, last, batches };
    if (batches === 0) this.#log.info("the accessor continues after the gap", fields);
    else
      this.#log.error(
        "the accessor LOST batches that it had acknowledged; it was restored to an earlier point",
        fields,
      );
  }

  #send(sequence: number): void {
    failpoint("uplink.before-send");
    if (sequence <= this.#sentThrough) this.counts.resentBatches++;
    else this.#sentThrough = sequence;
  }

  async #ack({ sequence, results }: Ack): Promise<void> {
    failpoint("uplink.before-ack");
    for (const result of results) {
      const rejects = result.refusal !== undefined || result.verdicts.length > 0;
      const entry =
        rejects || this.#warnings.wants(result)
          ? await this.#outbox.read(Number(result.sequence), { abort: this.#stop.signal })
          : undefined;
      this.#countResult(result, entry);
      this.#warnings.say(result, entry);
      if (entry && rejects)
        await this.#deadLetters?.write({ producerId: this.producerId, result, entry });
    }
    this.#letGo(Number(sequence));
    failpoint("uplink.after-ack");
  }

  #letGo(through: number): void {
    const before = this.held.batches;
    this.counts.ackedRecords += this.#outbox.ack(through);
    this.counts.ackedBatches += before - this.held.batches;
  }
}
