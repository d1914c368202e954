// A writer's own record of its batches (sent, acknowledged, lost to another writer), and the errors
// in an answer.
import type { BatchResult } from "#gen/millrace/v1/ingest_service_pb.ts";
import { answerOf } from "./batch-messages.ts";
import { makeBatch, type SentBatch } from "./batches.ts";
import { metadataOf, reasonOf } from "./clients.ts";
import { epochOf } from "./content.ts";
import type { Random } from "./random.ts";
import type { RoundRecord } from "./record.ts";

export type WriterOptions = {
  producer: string;
  /** Distinguishes two writers that share a producer id. */
  variant: number;
  shared: boolean;
  /** By unary calls instead of a stream. */
  unary: boolean;
  seed: number;
  ports: readonly number[];
  random: Random;
  record: RoundRecord;
  /** Pause between two batches. */
  intervalMs: number;
  /**
   * Whether it may alter acknowledged batches. Not if those may be given up: the altered batch
   * would then be accepted.
   */
  mayAlter: boolean;
};

/**
 * A violation, unless a promotion has given up the batch that was acknowledged under this number.
 */
export type Doubt = { sequence: number; text: string };

export class WriterLedger {
  readonly options: WriterOptions;
  /** The highest sequence that this writer has sent. */
  sent = 0;
  /** Sequences that were acknowledged to it, and the cursor of the ack. */
  readonly acked = new Map<number, string>();
  /** Sequences of a shared id that the other writer took. */
  readonly conflicted = new Set<number>();
  readonly doubts: Doubt[] = [];
  /** Acknowledged sequences that a welcome has reported as lost. */
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
   * The errors that concern the data. Errors that a writer provokes end its session and are judged
   * there.
   */
  protected judge(error: unknown): void {
    const { record, shared } = this.options;
    const reason = reasonOf(error);
    if (reason === "SEQUENCE_CONFLICT" && !shared)
      record.violation(`${this.who}: a conflict for what was sent once`);
    if (reason !== "SEQUENCE_GAP" || shared) return;
    const expected = Number(metadataOf(error)["expected_sequence"] ?? 0);
    this.doubt(expected, "a gap where there is none");
    // A single batch gets no welcome: this error reports what was lost. It is sent again, in order.
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

  /** Each number of a shared id belongs to one of the two writers. */
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
