// Which commits a promotion gave up: those of the former primary that the new one never had; and
// which cursors and batches belonged to them.
import { epochOf, revisionOf } from "./content.ts";
import type { Stored } from "./stored.ts";

/** The first revision at which the two histories differ, and the newest epoch that they share. */
export type Fork = { revision: number; epoch: number };

/** Whether the commit that a cursor names was given up. */
export function isBeyond({ revision, epoch }: Fork, cursor: string): boolean {
  return epochOf(cursor) <= epoch && revisionOf(cursor) >= revision;
}

export class GivenUp {
  readonly fork: Fork;
  /** The contents of the former primary when it ended. */
  readonly before: Stored;
  readonly #batches: ReadonlySet<string>;
  readonly #atFork: ReadonlySet<string>;

  constructor(fork: Fork, { before, now }: { before: Stored; now: Stored }) {
    this.fork = fork;
    this.before = before;
    const kept = new Set(
      now.receipts.map(({ producer, sequence, revision }) => `${producer} ${sequence} ${revision}`),
    );
    this.#batches = new Set(
      before.receipts
        .filter(
          ({ producer, sequence, revision }) =>
            revision >= fork.revision ||
            // A batch without stored records names the revision before it, and may have come after
            // the fork.
            (revision === fork.revision - 1 && !kept.has(`${producer} ${sequence} ${revision}`)),
        )
        .map(({ producer, sequence }) => `${producer} ${sequence}`),
    );
    const atFork = before.receipts.filter(({ revision }) => revision === fork.revision - 1);
    this.#atFork = new Set(atFork.map(({ producer, sequence }) => `${producer} ${sequence}`));
  }

  /**
   * Like hasBatch, for a batch without stored records: its receipt may have come after the fork,
   * and again, at the same revision.
   */
  mayHaveEmpty(producer: string, sequence: number): boolean {
    return this.#atFork.has(`${producer} ${sequence}`) || this.hasBatch(producer, sequence);
  }

  get commits(): number {
    return [...this.before.commits.keys()].filter((revision) => revision >= this.fork.revision)
      .length;
  }

  hasCursor(cursor: string): boolean {
    return isBeyond(this.fork, cursor);
  }

  /**
   * Whether the former primary held a batch beyond the fork. The new one may have stored it since.
   */
  hasBatch(producer: string, sequence: number): boolean {
    return this.#batches.has(`${producer} ${sequence}`);
  }

  /** Whether an ack belongs to the former history and proves nothing about the new one. */
  isVoid({
    producer,
    sequence,
    cursor,
  }: {
    producer: string;
    sequence: number;
    cursor: string;
  }): boolean {
    return this.hasBatch(producer, sequence) && epochOf(cursor) <= this.fork.epoch;
  }
}
