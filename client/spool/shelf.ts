// What a lane holds on disk: its files, and which batches are held, missing and acknowledged. Reads
// and releases batches; does not write them.
import { unlink } from "node:fs/promises";
import { failpoint } from "../../runtime/failpoint.ts";
import type { Log } from "../../runtime/log.ts";
import type { Change } from "../outbox/change.ts";
import type { Entry } from "../outbox/outbox.ts";
import type { ByteBound } from "./byte-bound.ts";
import { errorCode } from "./files.ts";
import type { GapLog } from "./gap-log.ts";
import type { Mark, MarkState } from "./mark.ts";
import { SpoolReader } from "./reader.ts";
import type { Hole, Recovered } from "./recover.ts";
import { batchIn, findSegment, lastOf, type Segment, sizeOf } from "./segment.ts";

export type ShelfOptions = {
  /** The id under which the accessor knows this sequence. */
  producerId: string;
  recovered: Recovered;
  /** Sequences on record as missing, from this start and earlier ones. */
  missing: readonly Hole[];
  mark: Mark;
  bound: ByteBound;
  gaps: GapLog;
  /** Wakes at every change of any lane of the spool. */
  change: Change;
  log: Log;
};

/** Both ends belong to it. */
type SequenceRange = { readonly from: number; readonly through: number };

export class Shelf {
  /** Highest durable sequence. */
  lastSequence: number;
  /**
   * Every batch up to this sequence is acknowledged, or is missing right after acknowledged ones.
   */
  ackedSequence: number;
  readonly held = { batches: 0, bytes: 0, records: 0 };
  /** All sequences that were ever promised and then lost. */
  readonly missing: Hole[];
  /** What drop-oldest has dropped since the start. */
  readonly dropped = { batches: 0, records: 0 };
  /** Ascending. Only the last one may be written to. */
  readonly segments: Segment[];
  readonly #options: ShelfOptions;
  /** Ascending, all above ackedSequence. */
  readonly #holes: Hole[];
  readonly #reader = new SpoolReader();
  #deleting: Promise<void> | undefined;

  constructor(options: ShelfOptions) {
    const { recovered } = options;
    this.#options = options;
    this.segments = recovered.segments;
    this.lastSequence = recovered.lastSequence;
    this.ackedSequence = recovered.ackedSequence;
    this.missing = [...options.missing];
    this.#holes = [...recovered.holes];
    for (const segment of this.segments) {
      options.bound.usedBytes += sizeOf(segment);
      this.#hold(segment, { from: this.ackedSequence + 1, through: lastOf(segment) });
    }
    this.#advance();
    this.#saved();
  }

  /** Adds what was just made durable at the end of a segment. */
  add(
    segment: Segment,
    { entry, recordBytes, timeMs }: { entry: Entry; recordBytes: number; timeMs: number },
  ): void {
    if (segment.records.length === 0) segment.firstMs = timeMs;
    segment.lastMs = timeMs;
    segment.records.push(entry.records);
    segment.offsets.push(sizeOf(segment) + recordBytes);
    this.#reader.remember(entry);
    this.lastSequence = entry.sequence;
    this.held.batches++;
    this.held.bytes += entry.bytes.length;
    this.held.records += entry.records;
  }

  /**
   * The batch with a number, if it is held and intact. Rejects with the disk's error if that may
   * pass.
   */
  async read(sequence: number): Promise<Entry | undefined> {
    const segment =
      sequence > this.ackedSequence ? findSegment(this.segments, sequence) : undefined;
    if (segment === undefined) return undefined;
    const entry = await this.#reader.read(sequence, segment).catch((error: unknown) => {
      // The batch was dropped meanwhile, or its place on the disk is bad; any other error may pass.
      if (errorCode(error) === "EIO" || !this.segments.includes(segment)) return undefined;
      throw error;
    });
    if (entry || !this.segments.includes(segment) || sequence <= this.ackedSequence) return entry;
    this.#release(segment, { from: sequence, through: sequence });
    const hole = { first: sequence, last: sequence, fromMs: segment.firstMs, toMs: segment.lastMs };
    this.#lose(hole);
    await this.#options.gaps.report({
      ...hole,
      cause: "damaged",
      producerId: this.#options.producerId,
    });
    return undefined;
  }

  /** Releases every batch up to a number. Returns how many records they had. */
  ack(through: number): number {
    const reached = Math.min(through, this.lastSequence);
    if (reached <= this.ackedSequence) return 0;
    failpoint("spool.before-ack");
    const { records } = this.held;
    for (const segment of this.segments) {
      if (segment.firstSequence > reached) break;
      this.#release(segment, {
        from: this.ackedSequence + 1,
        through: Math.min(reached, lastOf(segment)),
      });
    }
    this.ackedSequence = reached;
    this.#advance();
    this.#saved();
    failpoint("spool.after-ack");
    this.#options.change.wake();
    return records - this.held.records;
  }

  get state(): MarkState {
    return { syncedThrough: this.lastSequence, ackedThrough: this.ackedSequence };
  }

  /**
   * Writes the mark soon, and then deletes files whose batches are all acknowledged. The newest
   * file stays, because it keeps the numbering.
   */
  #saved(): void {
    this.#options.mark.save(this.state);
    const next = this.segments[1];
    if (next === undefined || next.firstSequence - 1 > this.ackedSequence) return;
    this.#deleting ??= this.#deleteAcked()
      .catch((error: unknown) =>
        this.#options.log.warn("cannot delete acknowledged files of the spool", { error }),
      )
      .finally(() => {
        this.#deleting = undefined;
      });
  }

  async #deleteAcked(): Promise<void> {
    const { mark, bound } = this.#options;
    failpoint("spool.before-delete");
    // Without this, a start after a power cut would report the deleted batches as lost.
    await mark.saveDurably(this.state);
    for (
      let next = this.segments[1];
      next && next.firstSequence - 1 <= this.ackedSequence;
      next = this.segments[1]
    ) {
      const first = this.segments.shift()!;
      bound.give(sizeOf(first));
      await unlink(first.path);
      failpoint("spool.after-delete");
    }
  }

  /** The first file with batches that are held, unless it is `busy`. */
  oldest(busy: Segment | undefined): Segment | undefined {
    const oldest = this.segments.find((segment) => lastOf(segment) > this.ackedSequence);
    return oldest === busy ? undefined : oldest;
  }

  /** Drops a file's batches: first in memory, then in the record of gaps, then on the disk. */
  async drop(segment: Segment): Promise<void> {
    const { gaps, mark, bound, producerId } = this.#options;
    const first = Math.max(segment.firstSequence, this.ackedSequence + 1);
    const hole = { first, last: lastOf(segment), fromMs: segment.firstMs, toMs: segment.lastMs };
    const { batches, records } = this.held;
    this.#release(segment, { from: hole.first, through: hole.last });
    this.dropped.batches += batches - this.held.batches;
    this.dropped.records += records - this.held.records;
    this.segments.splice(this.segments.indexOf(segment), 1);
    this.#lose(hole);
    failpoint("spool.before-drop");
    await gaps.report({ ...hole, cause: "dropped", producerId });
    await mark.saveDurably(this.state);
    await unlink(segment.path);
    bound.give(sizeOf(segment));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#deleting;
    const { mark, log } = this.#options;
    await mark
      .saveDurably(this.state)
      .catch((error: unknown) => log.warn("cannot save how far the spool is", { error }));
    await mark[Symbol.asyncDispose]();
  }

  #lose(hole: Hole): void {
    this.missing.push(hole);
    this.#holes.push(hole);
    this.#holes.sort((a, b) => a.first - b.first);
    this.#advance();
    this.#options.mark.save(this.state);
    this.#options.change.wake();
  }

  /**
   * Skips batches that are missing right after acknowledged ones: the next hello tells the
   * accessor.
   */
  #advance(): void {
    for (
      let hole = this.#holes[0];
      hole && hole.first <= this.ackedSequence + 1;
      hole = this.#holes[0]
    ) {
      this.ackedSequence = Math.max(this.ackedSequence, hole.last);
      this.#holes.shift();
    }
    this.#reader.forgetThrough(this.ackedSequence);
  }

  /** Adds to `held` the batches of a segment in the range. */
  #hold(segment: Segment, range: SequenceRange): void {
    const added = this.#sumOf(segment, range);
    this.held.batches += added.batches;
    this.held.bytes += added.bytes;
    this.held.records += added.records;
  }

  /** Takes from `held` the batches of a segment in the range. */
  #release(segment: Segment, range: SequenceRange): void {
    const removed = this.#sumOf(segment, range);
    this.held.batches -= removed.batches;
    this.held.bytes -= removed.bytes;
    this.held.records -= removed.records;
  }

  /** How much the batches of a segment in the range come to, without those that are missing. */
  #sumOf(segment: Segment, { from, through }: SequenceRange) {
    const sum = { batches: 0, bytes: 0, records: 0 };
    for (let sequence = Math.max(from, segment.firstSequence); sequence <= through; sequence++) {
      if (this.#isMissing(sequence)) continue;
      const { bytes, records } = batchIn(segment, sequence);
      sum.batches++;
      sum.bytes += bytes;
      sum.records += records;
    }
    return sum;
  }

  #isMissing(sequence: number): boolean {
    return this.#holes.some(({ first, last }) => first <= sequence && sequence <= last);
  }
}
