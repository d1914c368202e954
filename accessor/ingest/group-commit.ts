// Keeps one flush in flight; batches that arrive meanwhile go into the next. Transactions of 100
// samples give 0.2 M samples/s, those of 10,000 give 5.5 M.
import { setImmediate as nextTurn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { RefusalSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { failpoint } from "../../runtime/failpoint.ts";
import { isDataRefusal } from "../store/errors.ts";
import type { Decision } from "../store/ingest.ts";
import { refuse, type Submission } from "./prepared.ts";
import { type Turn, Turns } from "./turns.ts";

export type GroupCommitOptions = {
  /**
   * Decides at least the first batch of a group; the others come again, in the next group. The
   * submissions of the result are what was committed.
   */
  commit: (group: readonly Submission[]) => Promise<DecidedSubmission[]>;
  /** Called with each group after its commit, and before its callers continue. */
  onDecided: (decided: DecidedSubmission[]) => void;
  /** A group is full at this size. Default 4 MiB, 1,024 batches. */
  maxGroupBytes?: number;
  maxGroupBatches?: number;
  /** Longest wait for batches that are still arriving. Default 5 ms. */
  gatherMs?: number;
};

export type DecidedSubmission = { submission: Submission; decision: Decision };

/** Those that are stored now, ascending by revision. */
export const storedOf = (decided: readonly DecidedSubmission[]) =>
  decided
    .filter(({ decision: { outcome } }) => outcome === "stored")
    .map(({ submission: { prepared }, decision: { revision, committedUs } }) => ({
      revision,
      committedUs,
      prepared,
      rows: prepared.rows,
    }))
    .sort((a, b) => a.revision - b.revision);

type Waiting = Submission &
  Turn & { resolve: (decided: DecidedSubmission) => void; reject: (error: unknown) => void };

export class GroupCommit {
  readonly #options: Required<GroupCommitOptions>;
  /** Ascending by turn, so in order of arrival within a producer. */
  #queue: Waiting[] = [];
  readonly #turns = new Turns();
  #running: Promise<void> | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = {
      maxGroupBytes: 4 * 1024 * 1024,
      maxGroupBatches: 1024,
      gatherMs: 5,
      ...options,
    };
  }

  /** Resolves when PostgreSQL has decided the batch. The caller bounds what is in flight. */
  submit(submission: Submission, holder = ""): Promise<DecidedSubmission> {
    return new Promise((resolve, reject) => {
      const { producer, prepared } = submission;
      const turn = this.#turns.next({ holder, producerId: producer, bytes: prepared.bytes });
      let at = this.#queue.length;
      while (at > 0 && this.#queue[at - 1]!.turn > turn.turn) at--;
      const waiting: Waiting = { ...submission, ...turn, resolve, reject };
      if (at === this.#queue.length) this.#queue.push(waiting);
      else this.#queue.splice(at, 0, waiting);
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is queued or in flight. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#gathered();
      await this.#flush(this.#take());
    }
    this.#running = undefined;
  }

  /**
   * Waits while each turn of the event loop brings more batches, up to a bound: a flush costs as
   * much as 20 batches.
   */
  async #gathered(): Promise<void> {
    const { maxGroupBatches, gatherMs } = this.#options;
    const endMs = performance.now() + gatherMs;
    for (let before = 0; before < this.#queue.length && this.#queue.length < maxGroupBatches; ) {
      before = this.#queue.length;
      await nextTurn();
      if (performance.now() >= endMs) return;
    }
  }

  /**
   * Takes the next group in order of turns. Within a producer that is the order of arrival, so that
   * its batches stay in order; the second of two batches with one number waits for the next group.
   */
  #take(): Waiting[] {
    const { maxGroupBytes, maxGroupBatches } = this.#options;
    const numbers = new Set<string>();
    let bytes = 0;
    let count = 0;
    for (const { producer, prepared } of this.#queue) {
      const number = `${prepared.sequence} ${producer}`;
      if (
        count === maxGroupBatches ||
        (count > 0 && bytes + prepared.bytes > maxGroupBytes) ||
        numbers.has(number)
      )
        break;
      numbers.add(number);
      bytes += prepared.bytes;
      count++;
    }
    const group = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    for (const { turn, holder, producer } of group)
      this.#turns.taken({ turn, holder, producerId: producer });
    // ingest() looks a producer up once for each run of its batches.
    return group.sort((a, b) => (a.producer < b.producer ? -1 : a.producer > b.producer ? 1 : 0));
  }

  /**
   * Commits a group. If PostgreSQL refuses its data, halves it until the batch at fault is alone
   * and is refused.
   */
  async #flush(group: Waiting[]): Promise<void> {
    try {
      failpoint("ingest.before-commit");
      const decided = await this.#options.commit(group);
      failpoint("ingest.after-commit");
      this.#options.onDecided(decided);
      failpoint("ingest.after-publish");
      for (const [i, one] of decided.entries()) group[i]!.resolve(one);
      if (decided.length < group.length) await this.#flush(group.slice(decided.length));
    } catch (error) {
      if (!isDataRefusal(error)) {
        for (const { reject } of group) reject(error);
      } else if (group.length > 1) {
        const middle = group.length >> 1;
        await this.#flush(group.slice(0, middle));
        await this.#flush(group.slice(middle));
      } else {
        await this.#refuse(group[0]!, error);
      }
    }
  }

  async #refuse(waiting: Waiting, error: unknown): Promise<void> {
    const { sequence, digest } = waiting.prepared;
    // Otherwise a refusal whose receipt is refused too would repeat for ever.
    if (waiting.prepared.rows.length === 0) return waiting.reject(error);
    const refusal = create(RefusalSchema, {
      reason: ErrorReason.RECORD_REFUSED_BY_DATABASE,
      message: "PostgreSQL rejected the content of the batch; nothing of it is stored",
    });
    await this.#flush([{ ...waiting, prepared: refuse(sequence, digest, refusal) }]);
  }
}
