// What a writer of the harness knows of its batches (sent, acknowledged, lost to another), and what
// is wrong with an answer.
import type { BatchResult } from "#gen/millrace/v1/ingest_service_pb.ts";
import { answerOf } from "./batch-messages.ts";
import { makeBatch, type SentBatch } from "./batches.ts";
import { metadataOf, reasonOf } from "./clients.ts";
import { epochOf } from "./content.ts";
import type { Random } from "./random.ts";
import type { RoundRecord } from "./record.ts";

export type WriterOptions = {
  producer: string;
  /** Tells two writers apart that share a producer id. */
  variant: number;
  shared: boolean;
  /** By unary calls instead of a stream. */
  unary: boolean;
  seed: number;
  ports: readonly number[];
  random: Random;
  record: RoundRecord;
  /** Between two batches. */
  intervalMs: number;
  /**
   * Whether it may alter what was acknowledged. Not where that may be given up: then it would be
   * taken.
   */
  mayAlter: boolean;
};

/** What would be wrong, unless a promotion has given up what was acknowledged under this number. */
export type Doubt = { sequence: number; text: string };

export class WriterLedger {
  readonly options: WriterOptions;
  /** Highest sequence that this writer has sent. */
  sent = 0;
  /** Sequences that were acknowledged to it, and the cursor of the ack. */
  readonly acked = new Map<number, string>();
  /** Of a shared id: taken by the other one. */
  readonly conflicted = new Set<number>();
  readonly doubts: Doubt[] = [];
  /** Of those that were acknowledged, what a welcome has said is lost. */
  readonly told = new Set<number>();
  protected readonly who: string;

  constructor(options: WriterOptions) {
    this.options = options;
    this.who = `writer ${options.producer}/${options.variant}`;
  }

  get latestCursor(): string | undefined {
    return [...this.acked.values()].at(-1);
  }

  /** Sequences without an ack. */
  get open(): number {
    let open = 0;
    for (let sequence = 1; sequence <= this.sent; sequence++) if (!this.decided(sequence)) open++;
    return open;
  }

  protected decided(sequence: number): boolean {
    return this.acked.has(sequence) || this.conflicted.has(sequence);
  }

  make(sequence: number, variant = this.options.variant): SentBatch {
    const { seed, producer } = this.options;
    return makeBatch({ seed, producer, variant, sequence });
  }

  /**
   * The errors that say something about the data. Those that a writer provokes end its session and
   * are judged there.
   */
  protected judge(error: unknown): void {
    const { record, shared } = this.options;
    const reason = reasonOf(error);
    if (reason === "SEQUENCE_CONFLICT" && !shared)
      record.violation(`${this.who}: a conflict for what was sent once`);
    if (reason !== "SEQUENCE_GAP" || shared) return;
    const expected = Number(metadataOf(error)["expected_sequence"] ?? 0);
    this.doubt(expected, "a gap where there is none");
    // To a single batch there is no welcome: this is how it is told what is gone. It is sent again,
    // in order.
    if (this.options.unary)
      for (const sequence of this.acked.keys()) if (sequence >= expected) this.isGone(sequence);
  }

  protected doubt(sequence: number, text: string): void {
    this.doubts.push({ sequence, text: `${this.who}: ${text} (${sequence})` });
  }

  protected isGone(sequence: number): void {
    this.doubt(sequence, "it is told that what was acknowledged is gone");
    this.acked.delete(sequence);
  }

  /** Of a shared id, one number is the other's. */
  protected lostRace(error: unknown): void {
    const sequence = Number(/sequence (\d+)/.exec(String(error))?.[1]);
    if (this.acked.has(sequence)) this.doubt(sequence, "a conflict for what was acknowledged");
    this.acked.delete(sequence);
    this.conflicted.add(sequence);
  }

  protected answered(
    sequence: number,
    { cursor, result }: { cursor: string; result: BatchResult | undefined },
  ): void {
    const { record } = this.options;
    const { answer } = this.make(sequence);
    const got = result === undefined ? [] : answerOf(result);
    if (got.join() !== [...answer].sort().join())
      record.violation(
        `${this.who}: batch ${sequence} answered ${JSON.stringify(got)}${result?.duplicate ? " as a duplicate" : ""}, not ${JSON.stringify(answer)}`,
      );
    const before = this.acked.get(sequence);
    if (before !== undefined && !result?.duplicate)
      this.doubt(sequence, "it was stored a second time");
    record.note({
      who: this.who,
      what: "batch",
      how: "ok",
      sequence,
      duplicate: result?.duplicate ?? false,
    });
    if (before === undefined || !result?.duplicate || epochOf(cursor) > epochOf(before))
      this.acked.set(sequence, cursor);
  }
}
