// What waits for its acknowledgement, numbered and in order. Here in memory; spool/lane.ts has it
// on disk.
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
 * Numbered batches that are not yet acknowledged. Sequences are 1, 2, 3 … An outbox on disk goes on
 * where it stopped; a second one beside it, with an id of its own, makes a second lane.
 */
export interface Outbox {
  /** What it holds is there for the next process too. */
  readonly durable: boolean;
  /** Highest sequence given to a batch; 0 for none. */
  readonly lastSequence: number;
  /**
   * Through here everything is acknowledged, or missing behind what is acknowledged; 0 for none.
   */
  readonly ackedSequence: number;
  /**
   * Sequences that were given and are not held although nobody has acknowledged them: lost, and
   * reported.
   */
  readonly missing: readonly { readonly first: number; readonly last: number }[];
  /** Batches, bytes and records that are held. */
  readonly held: { readonly batches: number; readonly bytes: number; readonly records: number };
  /**
   * Takes a batch: gives it the next number, lets `encode` write it, keeps it. While the outbox is
   * full it waits, which is how a producer is held back (an outbox on disk may be told to drop
   * instead). Calls are served in order. Rejects when `abort` aborts or the outbox is closed.
   */
  append(
    records: number,
    encode: (sequence: number) => Uint8Array,
    options: { abort: AbortSignal },
  ): Promise<number>;
  /**
   * The batch of a number as soon as there is one; undefined when it was let go of or is missing,
   * when the outbox is closed without it, or when `abort` aborts.
   */
  read(sequence: number, options: { abort: AbortSignal }): Promise<Entry | undefined>;
  /** Lets go of every batch through a number. Returns how many records those held. */
  ack(through: number): number;
  /** Resolves when nothing is held; rejects when `abort` aborts. */
  emptied(options: { abort: AbortSignal }): Promise<void>;
  /** No batch comes any more: waiting appends reject with the reason, waiting reads end. */
  close(reason: unknown): void;
}

/**
 * An outbox in memory. It takes batches while it holds fewer than `maxBytes`, so it holds less than
 * that and one batch.
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
  /** Appends in order: each waits for the one before, then for room. */
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
