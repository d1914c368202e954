// Batches that wait for their acknowledgement, numbered and in order. This file has the outbox in
// memory; spool/lane.ts has the one on disk.
import { Change } from "./change.ts";

/**
 * A batch with its number, as the exact bytes of an IngestRequest, so that a repeat is the same to
 * the byte.
 */
export type Entry = {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** Samples, state changes and error reports in it. */
  readonly records: number;
};

/**
 * Numbered batches that are not yet acknowledged. Sequences are 1, 2, 3 … An outbox on disk
 * continues where it stopped; a second one beside it, with its own producer id, makes a second
 * lane.
 */
export interface Outbox {
  /** Whether the next process finds the batches that it holds. */
  readonly durable: boolean;
  /** Highest sequence given to a batch; 0 for none. */
  readonly lastSequence: number;
  /**
   * Every batch up to this sequence is acknowledged, or is missing right after acknowledged ones; 0
   * for none.
   */
  readonly ackedSequence: number;
  /**
   * Sequences that were assigned and never acknowledged, but are no longer held: lost, and
   * reported.
   */
  readonly missing: readonly { readonly first: number; readonly last: number }[];
  /** Batches, bytes and records that are held. */
  readonly held: { readonly batches: number; readonly bytes: number; readonly records: number };
  /**
   * Takes a batch: assigns the next number, lets `encode` write it, and keeps it. While the outbox
   * is full it waits, which holds the producer back (an outbox on disk can be set to drop batches
   * instead). Calls are served in order. Rejects when `abort` aborts or the outbox is closed.
   */
  append(
    records: number,
    encode: (sequence: number) => Uint8Array,
    options: { abort: AbortSignal },
  ): Promise<number>;
  /**
   * The batch with a number, as soon as there is one; undefined when it was released or is missing,
   * when the outbox is closed without it, or when `abort` aborts.
   */
  read(sequence: number, options: { abort: AbortSignal }): Promise<Entry | undefined>;
  /** Releases every batch up to a number. Returns how many records they had. */
  ack(through: number): number;
  /** Resolves when nothing is held; rejects when `abort` aborts. */
  emptied(options: { abort: AbortSignal }): Promise<void>;
  /** Takes no more batches: waiting appends reject with the reason, waiting reads end. */
  close(reason: unknown): void;
}

/**
 * An outbox in memory. It takes a batch while it holds less than `maxBytes`, so it exceeds that by
 * less than one batch.
 */
export function createMemoryOutbox({ maxBytes }: { maxBytes: number }): Outbox {
  return new MemoryOutbox(maxBytes);
}

class MemoryOutbox implements Outbox {
  readonly durable = false;
  readonly missing = [];
  lastSequence = 0;
  ackedSequence = 0;
  readonly held = { batches: 0, bytes: 0, records: 0 };
  readonly #maxBytes: number;
  readonly #entries = new Map<number, Entry>();
  /** Keeps appends in order: each waits for the one before, then for room. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #change = new Change();
  #closed: { reason: unknown } | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  append(
    records: number,
    encode: (sequence: number) => Uint8Array,
    { abort }: { abort: AbortSignal },
  ): Promise<number> {
    const taken = this.#turn.then(async () => {
      while (!this.#closed && !abort.aborted && this.held.bytes >= this.#maxBytes)
        await this.#change.next(abort);
      if (this.#closed) throw this.#closed.reason;
      abort.throwIfAborted();
      const sequence = this.lastSequence + 1;
      const bytes = encode(sequence);
      this.lastSequence = sequence;
      this.#entries.set(sequence, { sequence, bytes, records });
      this.#hold(1, bytes.length, records);
      this.#change.wake();
      return sequence;
    });
    this.#turn = taken.catch(() => {});
    return taken;
  }

  async read(sequence: number, { abort }: { abort: AbortSignal }): Promise<Entry | undefined> {
    for (;;) {
      const entry = this.#entries.get(sequence);
      if (entry || sequence <= this.ackedSequence || this.#closed || abort.aborted) return entry;
      await this.#change.next(abort);
    }
  }

  ack(through: number): number {
    let records = 0;
    while (this.ackedSequence < Math.min(through, this.lastSequence)) {
      this.ackedSequence++;
      const entry = this.#entries.get(this.ackedSequence)!;
      this.#entries.delete(this.ackedSequence);
      this.#hold(-1, -entry.bytes.length, -entry.records);
      records += entry.records;
    }
    if (records > 0) this.#change.wake();
    return records;
  }

  async emptied({ abort }: { abort: AbortSignal }): Promise<void> {
    while (this.held.batches > 0) {
      abort.throwIfAborted();
      await this.#change.next(abort);
    }
  }

  close(reason: unknown): void {
    this.#closed ??= { reason };
    this.#change.wake();
  }

  #hold(batches: number, bytes: number, records: number): void {
    this.held.batches += batches;
    this.held.bytes += bytes;
    this.held.records += records;
  }
}
