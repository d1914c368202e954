// A bound on bytes in flight. Beyond it batches wait: the caller with the least in flight comes
// first, and its batches come in the order in which it sent them.
import { FairQueue } from "../../access/fair-queue.ts";

export class Budget {
  readonly #queue: FairQueue;

  constructor(maxBytes: number) {
    this.#queue = new FairQueue({ max: maxBytes });
  }

  get usedBytes(): number {
    return this.#queue.used;
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  /**
   * Resolves when the bytes are granted; give them back with release. A single demand above the
   * bound is granted when it is alone.
   */
  acquire(bytes: number, abort: AbortSignal, caller = ""): Promise<void> {
    return this.#queue.acquire(caller, bytes, abort);
  }

  release(bytes: number, caller = ""): void {
    this.#queue.release(caller, bytes);
  }
}
