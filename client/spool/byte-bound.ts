// The bound on a spool's bytes, which its lanes share, and what happens when it is reached.
import type { Change } from "../outbox/change.ts";

export type WhenFull = "block" | "drop-oldest";

/** What the bound needs to know of a lane, and may do to it. */
export type BoundedLane = {
  readonly held: { readonly batches: number };
  /** When the oldest batches that can be dropped were appended; undefined if there are none. */
  readonly oldestMs: number | undefined;
  /** Drops the oldest file's batches. False if there is none to drop. */
  dropOldest(): Promise<boolean>;
};

export class ByteBound {
  usedBytes = 0;
  readonly maxBytes: number;
  readonly lanes: BoundedLane[] = [];
  readonly #whenFull: WhenFull;
  readonly change: Change;

  constructor({
    maxBytes,
    whenFull,
    change,
  }: { maxBytes: number; whenFull: WhenFull; change: Change }) {
    this.maxBytes = maxBytes;
    this.#whenFull = whenFull;
    this.change = change;
  }

  /**
   * Takes bytes if they fit, or if nothing is held: a batch above the bound is taken when it
   * is `alone`.
   */
  take(bytes: number, { alone }: { alone: boolean }): boolean {
    const fits =
      this.usedBytes + bytes <= this.maxBytes ||
      (alone && this.lanes.every(({ held }) => held.batches === 0));
    if (fits) this.usedBytes += bytes;
    return fits;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
    if (bytes > 0) this.change.wake();
  }

  /**
   * Drops the oldest batches, or does nothing, depending on the policy. True if the caller should
   * try again at once.
   */
  async makeSpace(): Promise<boolean> {
    if (this.#whenFull === "block") return false;
    const [oldest] = this.lanes
      .filter(({ oldestMs }) => oldestMs !== undefined)
      .sort((a, b) => a.oldestMs! - b.oldestMs!);
    return (await oldest?.dropOldest()) ?? false;
  }
}
