// Sends one numbered sequence of batches to the accessor: what an outbox holds goes out, what is
// acknowledged is let go of, and a lost connection is made again for as long as it runs.
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { type Ack, IngestService, type Welcome } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { countRecords } from "../../codec/wire/count-records.ts";
import { encodeNumberedBatch } from "../../codec/wire/encode.ts";
import { createBackoff, sleep as realSleep } from "../../runtime/backoff.ts";
import { failpoint } from "../../runtime/failpoint.ts";
import { causeChain, type Log } from "../../runtime/log.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { runSession } from "./ingest-session.ts";
import type { Entry, Outbox } from "./outbox.ts";
import { createRejections } from "./rejections.ts";
import { noCounts, type SendCounts } from "./send-counts.ts";
import { retryDelayMs, toUplinkError, UplinkError } from "./session-problem.ts";
import { createWarnings, type Warnings } from "./warnings.ts";

export type SequenceSenderOptions = {
  transport: Transport;
  /**
   * Who sends. An outbox in memory numbers from 1 and so needs an id that was never used, or one
   * whose batches are the same each time.
   */
  producerId: string;
  /** Whether they are the same each time: what the accessor has already is sent again. */
  repeats?: boolean | undefined;
  /** The sender closes it. */
  outbox: Outbox;
  /** Where rejected records go; default nowhere. */
  deadLetters?: DeadLetters | undefined;
  /** Who says what is odd about stored batches; default one of its own. */
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
   * Highest sequence that may have reached the server: what an outbox brings along was perhaps sent
   * by an earlier process.
   */
  #sentThrough: number;
  /**
   * Through here losses have been reported: a welcome names them again until a batch has gone
   * beyond them.
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
   * Takes no more, sends and half-closes, waits for the acks until `abort` aborts, and says what
   * has none.
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
    // A close that still waits for acks waits no longer.
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
        // The next hello takes the accessor over the gap.
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
      // A long outage is one line a minute, not one an attempt.
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
    // A hello can name more than was sent: it passes what is missing.
    this.#sentThrough = Math.max(this.#sentThrough, this.#outbox.ackedSequence);
    if (last > this.#sentThrough && !this.#repeats) {
      throw new UplinkError(
        `the accessor has batches up to ${last} of producer "${this.producerId}", ` +
          `but this process sent only up to ${this.#sentThrough}. Another producer uses this id ` +
          "or used it before, or the spool was restored from an older copy. Choose a new id",
      );
    }
    if (lost) this.#lost(Number(lost.first), Number(lost.last));
    // What is stored but was never acknowledged here goes out once more: the answer is a duplicate,
    // and tells of records that were rejected. Where some of it is missing here, that cannot be
    // heard of.
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
