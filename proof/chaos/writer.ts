// A lean producer of the harness: numbered batches determined by the seed, sent, sent again, and
// sometimes altered or out of turn; it compares every answer with the expected one.
import type { IngestRequest, Welcome } from "#gen/millrace/v1/ingest_service_pb.ts";
import { numbered, toRequest } from "./batch-messages.ts";
import { pause, reach, reasonOf } from "./clients.ts";
import { WriterLedger, type WriterOptions } from "./writer-ledger.ts";

const window = 40;
const ackTimeoutMs = 3_000;
// An answer must fit its batch; an altered one gets none.
const alteredVariant = 900;

export class Writer extends WriterLedger {
  readonly #stop = new AbortController();
  #finish = false;
  readonly running: Promise<void>;

  constructor(options: WriterOptions) {
    super(options);
    this.running = this.#run();
  }

  /** Makes no more new batches; run resolves when all are acknowledged. */
  finish(): void {
    this.#finish = true;
  }

  abort(): void {
    this.#stop.abort(new Error("the round is over"));
  }

  async #run(): Promise<void> {
    const { random, record, ports, unary } = this.options;
    while (!this.#stop.signal.aborted && !(this.#finish && this.open === 0)) {
      using clients = reach(ports, random);
      const session = new AbortController();
      const abort = () => session.abort(this.#stop.signal.reason);
      this.#stop.signal.addEventListener("abort", abort, { once: true });
      try {
        if (unary) await this.#call(clients.ingest, session.signal);
        else await this.#stream(clients.ingest, session);
      } catch (error) {
        record.note({ who: this.who, what: "session", how: "failed", reason: reasonOf(error) });
        this.judge(error);
      } finally {
        this.#stop.signal.removeEventListener("abort", abort);
        session.abort(new Error("the session is over"));
      }
      await pause(random.int(20, 150), this.#stop.signal);
    }
  }

  async #stream(
    client: ReturnType<typeof reach>["ingest"],
    session: AbortController,
  ): Promise<void> {
    const { producer, random, record, shared, intervalMs, mayAlter } = this.options;
    const drawn =
      !shared && this.acked.size > 3 && random.chance(0.25)
        ? random.pick(["altered", "gap"] as const)
        : undefined;
    const provoke = drawn === "altered" && !mayAlter ? undefined : drawn;
    const lastAcked = Math.max(0, ...this.acked.keys());
    const outstanding: number[] = [];
    const start = Promise.withResolvers<number>();
    start.promise.catch(() => {});
    let provoked = false;
    const who = this.who;
    const requests = async function* (this: Writer): AsyncGenerator<IngestRequest> {
      yield toRequest({
        case: "hello",
        value: {
          $typeName: "millrace.v1.Hello",
          producerId: producer,
          lastAckedSequence: BigInt(shared ? 0 : lastAcked),
        },
      });
      const from = await start.promise;
      for (let sequence = from; !session.signal.aborted; sequence++) {
        if (provoke !== undefined && sequence >= from + 5) {
          const wrong = provoke === "gap" ? this.sent + 2 : random.int(1, lastAcked);
          // Batches with equal content in both variants are no alteration.
          if (provoke === "gap" || this.make(wrong, alteredVariant).batch.samples.length > 0) {
            provoked = true;
            record.note({ who, what: provoke, how: "invoked", sequence: wrong });
            yield numbered(wrong, this.make(wrong, alteredVariant));
            return;
          }
        }
        if (this.#finish && sequence > this.sent) return;
        while (outstanding.length >= window && !session.signal.aborted)
          await pause(5, session.signal);
        if (session.signal.aborted) return;
        if (sequence > this.sent) await pause(intervalMs * 2 * random.next(), session.signal);
        if (this.#finish && sequence > this.sent) return;
        this.sent = Math.max(this.sent, sequence);
        outstanding.push(sequence);
        record.note({ who, what: "batch", how: "invoked", sequence });
        yield numbered(sequence, this.make(sequence));
      }
    };
    let lastMs = performance.now();
    const watchdog = setInterval(() => {
      if (outstanding.length === 0) lastMs = performance.now();
      if (performance.now() - lastMs > ackTimeoutMs) session.abort(new Error("no ack for 3 s"));
    }, 100);
    try {
      for await (const { message } of client.ingest(requests.call(this), {
        signal: session.signal,
      })) {
        lastMs = performance.now();
        if (message.case === "welcome") start.resolve(this.#welcome(message.value, lastAcked));
        else if (message.case === "ack") {
          const { sequence, cursor, results } = message.value;
          const byNumber = new Map(results.map((result) => [Number(result.sequence), result]));
          const at = outstanding.indexOf(Number(sequence));
          if (at === -1) {
            record.violation(
              `${who}: an ack for ${sequence}, which is not outstanding${provoked ? ` (after ${provoke})` : ""}`,
            );
            continue;
          }
          for (const decided of outstanding.splice(0, at + 1))
            this.answered(decided, { cursor, result: byNumber.get(decided) });
        }
      }
      if (provoked)
        record.violation(
          `${who}: no error for a batch that was ${provoke === "gap" ? "out of turn" : "altered"}`,
        );
      if (outstanding.length > 0)
        record.violation(
          `${who}: the stream ended with OK and ${outstanding.length} batches undecided`,
        );
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === "SEQUENCE_CONFLICT" && shared) this.lostRace(error);
      const expected = provoke === "gap" ? "SEQUENCE_GAP" : "SEQUENCE_CONFLICT";
      if (provoked && reason === expected) {
        record.note({ who, what: provoke!, how: "ok", reason });
        return;
      }
      throw error;
    } finally {
      clearInterval(watchdog);
      start.reject(new Error("the session is over"));
    }
  }

  /** Where to continue: often earlier than necessary, so that the server receives batches again. */
  #welcome({ lastSequence, lost }: Welcome, lastAcked: number): number {
    const { random, record, shared } = this.options;
    const last = Number(lastSequence);
    const firstLost = lost && Number(lost.first);
    if (lost && (shared || Number(lost.last) !== lastAcked || last !== lastAcked))
      record.violation(
        `${this.who}: welcomed with ${last} and lost ${lost.first} to ${lost.last}, and ${lastAcked} was said`,
      );
    for (let sequence = firstLost ?? lastAcked + 1; sequence <= lastAcked; sequence++) {
      this.doubt(sequence, "the welcome says that what was acknowledged is lost");
      this.told.add(sequence);
    }
    if (!shared && last < lastAcked)
      record.violation(`${this.who}: welcomed with ${last}, and ${lastAcked} was acknowledged`);
    if (!shared && last > this.sent)
      record.violation(`${this.who}: welcomed with ${last}, and only ${this.sent} were sent`);
    if (shared) {
      // Sequences that the other writer took meanwhile must not be sent.
      for (let sequence = this.sent + 1; sequence <= last; sequence++)
        this.conflicted.add(sequence);
      this.sent = Math.max(this.sent, last);
      const open = Array.from({ length: last }, (_, i) => i + 1).find(
        (sequence) => !this.decided(sequence),
      );
      return open ?? last + 1;
    }
    const firstOpen = Array.from({ length: this.sent }, (_, i) => i + 1).find(
      (sequence) => !this.acked.has(sequence),
    );
    const back = random.chance(0.5) ? random.int(0, 30) : 0;
    // Lost batches are still held here: sent again, all of them from the first, or some, or none.
    const again =
      firstLost !== undefined && random.fork(firstLost).chance(0.5)
        ? firstLost
        : Number.POSITIVE_INFINITY;
    return Math.max(1, Math.min(firstOpen ?? this.sent + 1, last + 1, again) - back);
  }

  async #call(client: ReturnType<typeof reach>["ingest"], abort: AbortSignal): Promise<void> {
    const { producer, random, record, intervalMs } = this.options;
    for (;;) {
      const again = this.acked.size > 0 && random.chance(0.1);
      const sequence = again ? random.int(1, this.acked.size) : this.acked.size + 1;
      if (this.#finish && sequence > this.sent) return;
      this.sent = Math.max(this.sent, sequence);
      record.note({ who: this.who, what: "batch", how: "invoked", sequence });
      const { batch } = this.make(sequence);
      const { result, cursor } = await client.ingestBatch(
        { producerId: producer, sequence: BigInt(sequence), batch },
        { signal: abort, timeoutMs: ackTimeoutMs },
      );
      this.answered(sequence, { cursor, result });
      await pause(intervalMs * 2 * random.next(), abort);
      abort.throwIfAborted();
    }
  }
}
