// One numbered sequence of batches on disk: an outbox whose batches outlast the process. Many
// appends share one write and one sync.
import { sleep } from "../../runtime/backoff.ts";
import { failpoint } from "../../runtime/failpoint.ts";
import type { Entry, Outbox } from "../outbox/outbox.ts";
import type { BoundedLane } from "./byte-bound.ts";
import { isDiskFull } from "./files.ts";
import { type Numbered, type Pending, takeGroup } from "./group.ts";
import {
  createSegment,
  lastOf,
  openSegmentWriter,
  type Segment,
  type SegmentWriter,
  sizeOf,
} from "./segment.ts";
import { Shelf, type ShelfOptions } from "./shelf.ts";

export type LaneOptions = ShelfOptions & {
  folder: string;
  /** When a file has grown to this size, the lane starts another. */
  segmentBytes: number;
};

const diskFullRetryMs = 200;

export class Lane implements Outbox, BoundedLane, AsyncDisposable {
  readonly durable = true;
  readonly producerId: string;
  /**
   * Since when the disk has had no space for the waiting appends, in milliseconds since the epoch;
   * undefined if it has space.
   */
  diskFullSinceMs: number | undefined;
  readonly #options: LaneOptions;
  readonly #shelf: Shelf;
  readonly #queue: Pending[] = [];
  readonly #closed = new AbortController();
  readonly #failed = new AbortController();
  readonly #writing: Promise<void>;
  #writer: SegmentWriter | undefined;
  #inWrite = false;
  #waitingReads = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.producerId = options.producerId;
    this.#shelf = new Shelf(options);
    this.#writing = this.#writeAll().catch((error: unknown) => this.#fail([], error));
  }

  get lastSequence(): number {
    return this.#shelf.lastSequence;
  }

  get ackedSequence(): number {
    return this.#shelf.ackedSequence;
  }

  get held(): Outbox["held"] {
    return this.#shelf.held;
  }

  get missing(): Outbox["missing"] {
    return this.#shelf.missing;
  }

  /** Appends that are not durable yet. */
  get waitingBatches(): number {
    return this.#queue.length;
  }

  /** Batches and records given up by drop-oldest since the start. */
  get dropped(): { readonly batches: number; readonly records: number } {
    return this.#shelf.dropped;
  }

  /**
   * Aborts, with the disk's error as its reason, when this lane can write no more. What it holds
   * can still be read.
   */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Whether every batch here has been read and a reader waits for more. Announced by `change`. */
  get starved(): boolean {
    return this.#waitingReads > 0;
  }

  /** Whether the lane is closed and everything in it is acknowledged. */
  get finished(): boolean {
    return this.#closed.signal.aborted && this.held.batches === 0;
  }

  /**
   * Resolves when the batch is durable. Rejects with the disk's error; after that the lane takes no
   * more batches.
   */
  append(
    records: number,
    encode: (sequence: number) => Uint8Array,
    { abort }: { abort: AbortSignal },
  ): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const closed = this.#closed.signal;
    if (closed.aborted || abort.aborted) {
      reject(closed.aborted ? closed.reason : abort.reason);
      return promise;
    }
    const pending: Pending = { records, encode, abort, resolve, reject };
    const leave = () => {
      const place = this.#queue.indexOf(pending);
      // A batch that is already being written stays accepted.
      if (place >= 0) this.#queue.splice(place, 1);
      if (place >= 0) reject(abort.reason);
    };
    abort.addEventListener("abort", leave, { once: true });
    this.#queue.push(pending);
    this.#options.change.wake();
    return promise.finally(() => abort.removeEventListener("abort", leave));
  }

  async read(sequence: number, { abort }: { abort: AbortSignal }): Promise<Entry | undefined> {
    // Announce once per read, not once per wait: otherwise two lanes would wake each other for
    // ever.
    let announced = false;
    while (!abort.aborted) {
      if (sequence <= this.lastSequence) return this.#shelf.read(sequence);
      if (this.#closed.signal.aborted && !this.#inWrite) return undefined;
      this.#waitingReads++;
      if (!announced) {
        announced = true;
        // Wake the others before the wait below begins, so that it does not wake itself.
        this.#options.change.wake();
      }
      await this.#options.change.next(abort);
      this.#waitingReads--;
    }
    return undefined;
  }

  ack(through: number): number {
    return this.#shelf.ack(through);
  }

  async emptied({ abort }: { abort: AbortSignal }): Promise<void> {
    while (this.held.batches > 0 || this.#queue.length > 0 || this.#inWrite) {
      abort.throwIfAborted();
      await this.#options.change.next(abort);
    }
  }

  close(reason: unknown): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(reason);
    for (const { reject } of this.#queue.splice(0)) reject(reason);
    this.#options.change.wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close(new Error("the spool is closed"));
    await this.#writing;
    await this.#writer?.[Symbol.asyncDispose]();
    await this.#shelf[Symbol.asyncDispose]();
  }

  get oldestMs(): number | undefined {
    return this.#droppable()?.firstMs;
  }

  async dropOldest(): Promise<boolean> {
    const oldest = this.#droppable();
    if (oldest) await this.#shelf.drop(oldest);
    return oldest !== undefined;
  }

  #droppable(): Segment | undefined {
    return this.#shelf.oldest(this.#inWrite ? this.#shelf.segments.at(-1) : undefined);
  }

  async #writeAll(): Promise<void> {
    const { change, bound } = this.#options;
    while (!this.#closed.signal.aborted) {
      const changed = change.next(this.#closed.signal);
      const group = takeGroup(this.#queue, { bound, lastSequence: this.lastSequence });
      if (group.length === 0) {
        if (this.#queue.length === 0 || !(await bound.makeSpace())) await changed;
        continue;
      }
      this.#inWrite = true;
      const full = await this.#write(group).then(
        () => false,
        (error: unknown) => {
          bound.give(group.reduce((sum, { record }) => sum + record.length, 0));
          if (isDiskFull(error)) this.#putBack(group, error);
          else this.#fail(group, error);
          return isDiskFull(error);
        },
      );
      this.#inWrite = false;
      change.wake();
      if (full) await sleep(diskFullRetryMs, this.#closed.signal).catch(() => {});
    }
  }

  async #write(group: readonly Numbered[]): Promise<void> {
    const writer = await this.#writerForNext();
    failpoint("spool.before-write");
    await writer.write(Buffer.concat(group.map(({ record }) => record)));
    failpoint("spool.before-fsync");
    await writer.sync();
    failpoint("spool.after-fsync");
    for (const { entry, record, timeMs } of group)
      this.#shelf.add(writer.segment, { entry, recordBytes: record.length, timeMs });
    this.#options.mark.save(this.#shelf.state);
    if (this.diskFullSinceMs !== undefined) this.#options.log.info("the disk has space again");
    this.diskFullSinceMs = undefined;
    for (const { pending, entry } of group) pending.resolve(entry.sequence);
  }

  /**
   * Returns a writer at the end of the last file; starts a new file if the last one is long enough,
   * missing, or ends below the last number.
   */
  async #writerForNext(): Promise<SegmentWriter> {
    const { folder, segmentBytes, bound } = this.#options;
    const { segments } = this.#shelf;
    const last = segments.at(-1);
    const usable = last && lastOf(last) === this.lastSequence && sizeOf(last) < segmentBytes;
    if (usable && this.#writer?.segment === last) return this.#writer;
    const left = this.#writer;
    this.#writer = undefined;
    await left?.[Symbol.asyncDispose]();
    if (usable) {
      this.#writer = await openSegmentWriter(last);
    } else {
      failpoint("spool.before-roll");
      const segment = await createSegment(folder, this.lastSequence + 1);
      failpoint("spool.after-roll");
      bound.usedBytes += sizeOf(segment);
      segments.push(segment);
      this.#writer = await openSegmentWriter(segment);
    }
    return this.#writer;
  }

  /** The disk is full and may get space again: nothing is lost, and the appends wait. */
  #putBack(group: readonly Numbered[], error: unknown): void {
    for (const { pending } of group.toReversed()) {
      const given = [this.#closed.signal, pending.abort].find(({ aborted }) => aborted);
      if (given) pending.reject(given.reason);
      else this.#queue.unshift(pending);
    }
    if (this.diskFullSinceMs === undefined)
      this.#options.log.error("the DISK IS FULL: the spool accepts nothing until there is space", {
        error,
      });
    this.diskFullSinceMs ??= Date.now();
  }

  #fail(group: readonly Numbered[], error: unknown): void {
    this.#options.log.error(
      "the spool cannot be written any more; restart the process to recover it",
      {
        error,
      },
    );
    for (const { pending } of group) pending.reject(error);
    this.#failed.abort(error);
    this.close(error);
  }
}
