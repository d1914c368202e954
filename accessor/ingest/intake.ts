// Brings batches from any number of producers to their decision: prepares them, commits them in
// groups, publishes them, and returns the results.
import { create } from "@bufbuild/protobuf";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { FairQueue } from "../../access/fair-queue.ts";
import type { Position } from "../domain/cursor.ts";
import type { Epochs } from "../domain/epochs.ts";
import { Failure } from "../domain/failure.ts";
import type { Retention } from "../domain/retention.ts";
import type { Tail } from "../feed/tail.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import type { QuotaLimit } from "../store/declare.ts";
import { isOfAnotherEpoch, isOfUnknownRepeats } from "../store/errors.ts";
import {
  commitGroup,
  type Opened,
  openProducer,
  type ProducerLimits,
  type Sender,
} from "../store/ingest.ts";
import type { Quotas } from "../store/series.ts";
import { type DecidedSubmission, GroupCommit, storedOf } from "./group-commit.ts";
import { Minutes } from "./minutes.ts";
import { prepareBatch } from "./prepare.ts";
import type { Prepared, Submission } from "./prepared.ts";
import { Repeats } from "./repeats.ts";
import {
  assertJump,
  type Decided,
  foreign,
  shownProducer,
  toDecided,
  toSequence,
} from "./sequences.ts";
import type { Spread } from "./spread.ts";

export type Limits = { maxBatchBytes: number; maxBatchRecords: number };

export type IntakeOptions = Limits & {
  database: Database;
  catalog: Catalog;
  tail: Tail;
  /** Most bytes of decoded batches that all producers together may have in flight. */
  maxInFlightBytes: number;
  /** Records that are older than retention allows are rejected. */
  retention: Retention;
  /** Records older than this are rejected too. Infinity: any age since 1970. */
  maxAgeMs: number;
  epochs: Epochs;
  producers: ProducerLimits;
  /** Limits how many minutes a caller's batches may spread over. */
  spread: Spread;
  /** How many machines and series may be registered. */
  quotas: Quotas;
  /** Called for each batch with a machine or series that was not registered. */
  onQuota: (limit: QuotaLimit) => void;
  /** Called after this accessor's own commits. */
  onCommitted: () => void;
  /** Called after each commit, and with the error of each that failed. */
  onWrite: (error?: unknown) => void;
  /** Milliseconds that only go forward. */
  monotonicMs: () => number;
};

/** How often a group is compared again because another accessor has committed in between. */
const maxTries = 8;

type Admitting = { abort: AbortSignal; holder?: string; maxWaitMs?: number };

export class Intake {
  readonly limits: Limits;
  readonly #options: IntakeOptions;
  readonly #group: GroupCommit;
  /** Bytes in flight, by caller. */
  readonly #inFlight: FairQueue;
  readonly #minutes: Minutes;
  readonly #repeats: Repeats;
  /** The database's clock minus our monotonic one. */
  #clockOffsetUs: number;

  /** databaseNowUs: the database's clock, read just now. */
  constructor(options: IntakeOptions, databaseNowUs: number) {
    this.#options = options;
    this.limits = {
      maxBatchBytes: options.maxBatchBytes,
      maxBatchRecords: options.maxBatchRecords,
    };
    this.#clockOffsetUs = databaseNowUs - options.monotonicMs() * 1000;
    this.#minutes = new Minutes((machine, signal) => options.catalog.find(machine, signal));
    this.#repeats = new Repeats(options.database);
    this.#inFlight = new FairQueue({ max: options.maxInFlightBytes });
    this.#group = new GroupCommit({
      commit: (group) => this.#commit(group),
      onDecided: (decided) => this.#publish(decided),
    });
  }

  /**
   * The database's clock in microseconds: its last answer plus the time since then by our own
   * clock.
   */
  get databaseNowUs(): number {
    return Math.floor(this.#options.monotonicMs() * 1000 + this.#clockOffsetUs);
  }

  /** The epoch of ids that are assigned from now on. */
  get epoch(): number {
    return this.#options.epochs.current;
  }

  /**
   * Fails if the commit at that position has been given up since: its sender must not be told that
   * it is stored.
   */
  assertHolds(position: Position): void {
    this.#options.epochs.assertHolds(position);
  }

  /**
   * Answers a producer's hello. Fails with PERMISSION_DENIED, or SEQUENCE_GAP if it claims too many
   * acks.
   */
  async open(
    sender: Sender,
    lastAckedSequence: bigint,
  ): Promise<Opened & { sender: Sender; epoch: number }> {
    const { epoch } = this;
    const ackedSequence = toSequence(shownProducer(sender), lastAckedSequence);
    const hello = { ...sender, ackedSequence };
    const opened = await this.#written(openProducer(this.#options.database, hello));
    if (opened.isForeign) throw foreign(sender);
    assertJump(shownProducer(sender), opened.lost);
    return { ...opened, sender: hello, epoch };
  }

  /** Bytes of batches in flight, decoded. */
  get inFlightBytes(): number {
    return this.#inFlight.used;
  }

  /** Batches that wait to be in flight. */
  get waiting(): number {
    return this.#inFlight.waiting;
  }

  /**
   * Waits until a batch of a share's holder may be in flight. Dispose of the result when the batch
   * is decided. The holder with the least in flight comes first, and its batches come in the order
   * in which it sent them. Fails with RATE_LIMITED if it would wait longer than maxWaitMs (default
   * any time) because the holder's batches spread over too many minutes.
   */
  async admit(
    batch: Batch | undefined,
    byteLength: number,
    { abort, holder = "", maxWaitMs = Number.POSITIVE_INFINITY }: Admitting,
  ): Promise<Disposable> {
    // Before the batch is in flight, so that a waiting caller takes nothing from others.
    const { spread } = this.#options;
    if (batch !== undefined && spread.applies(holder)) {
      await spread.take(holder, this.#minutes.count(batch), { maxWaitMs, abort });
      this.#minutes.add(batch);
    }
    // Decoded and prepared, a batch takes some three times its size on the wire.
    const bytes = 3 * byteLength + 1000 * (batch?.samples.length ?? 0) + 1000;
    return this.#inFlight.lease(holder, bytes, abort);
  }

  /** Fails with REQUEST_INVALID without a sequence, SEQUENCE_GAP if it is beyond all numbers. */
  async prepare(numbered: {
    sequence: bigint;
    batch: Batch | undefined;
    byteLength: number;
    sender: Sender;
    /** Which machines its sender may write; undefined: all. */
    permits?: ((machine: string) => boolean) | undefined;
    /** As in decide. */
    epoch?: number;
    holder?: string;
  }): Promise<Prepared> {
    const options = this.#options;
    const { sender, epoch, holder = "" } = numbered;
    const sequence = toSequence(shownProducer(sender), numbered.sequence);
    if (sequence === 0) {
      const violation = {
        field: "sequence",
        description: "is required: 1 for a producer's first batch, then one more for each",
      };
      throw new Failure("REQUEST_INVALID", `${violation.field} ${violation.description}`, {
        violations: [violation],
        metadata: { field: violation.field },
      });
    }
    const batch = numbered.batch ?? create(BatchSchema);
    return prepareBatch(
      { sequence, batch, byteLength: numbered.byteLength },
      {
        catalog: options.catalog,
        repeats: this.#repeats,
        maxBatchBytes: options.maxBatchBytes,
        maxBatchRecords: options.maxBatchRecords,
        retention: options.retention,
        maxAgeMs: options.maxAgeMs,
        nowUs: this.databaseNowUs,
        permits: numbered.permits,
        holder,
        quotas: options.quotas,
        onQuota: options.onQuota,
        isNext: async (asking) => {
          const asked = { ...sender, prepared: asking, ...(epoch === undefined ? {} : { epoch }) };
          const { decision } = await this.#group.submit(asked, holder);
          return decision.outcome === "next";
        },
      },
    );
  }

  /**
   * Commits a prepared batch. Fails with SEQUENCE_GAP, SEQUENCE_CONFLICT, PERMISSION_DENIED,
   * QUOTA_EXCEEDED or the database's error.
   */
  async decide({ holder = "", ...submission }: Submission & { holder?: string }): Promise<Decided> {
    const decided = await this.#group.submit(submission, holder);
    return toDecided(decided.submission, decided.decision, this.#options.producers);
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    return this.#group.idle();
  }

  /**
   * Fails if another epoch has begun since the ids in the group were assigned. Then nothing of the
   * group is published.
   */
  async #commit(given: readonly Submission[]): Promise<DecidedSubmission[]> {
    const { database, epochs, producers } = this.#options;
    const { epoch } = this;
    for (const submission of given) epochs.assertStill(submission.epoch ?? epoch);
    for (let tries = 1; ; tries++) {
      const { group, seen } = await this.#repeats.thin(given);
      try {
        const decisions = await this.#written(
          commitGroup(database, group, { epoch, producers, seen }),
        );
        // The last answer may have come from a former primary.
        epochs.assertHolds({
          epoch,
          revision: decisions.reduce((most, { revision }) => Math.max(most, revision), 0),
        });
        const decided = group.map((submission, i) => ({ submission, decision: decisions[i]! }));
        this.#repeats.learn(storedOf(decided));
        return decided;
      } catch (error) {
        this.#repeats.forget();
        if (isOfUnknownRepeats(error) && tries < maxTries) continue;
        // Follow it now, so that an immediate retry finds the new epoch.
        if (isOfAnotherEpoch(error)) await epochs.follow(null);
        throw error;
      }
    }
  }

  async #written<T>(write: Promise<T>): Promise<T> {
    try {
      const answer = await write;
      this.#options.onWrite();
      return answer;
    } catch (error) {
      if (!isOfAnotherEpoch(error) && !isOfUnknownRepeats(error)) this.#options.onWrite(error);
      throw error;
    }
  }

  #publish(decided: readonly DecidedSubmission[]): void {
    const fresh = decided.filter(
      ({ decision: { outcome } }) => outcome === "stored" || outcome === "decided",
    );
    if (fresh.length === 0) return;
    // Update the clock even if nothing was stored: one that has fallen behind rejects everything,
    // and must recover.
    this.#clockOffsetUs = fresh[0]!.decision.committedUs - this.#options.monotonicMs() * 1000;
    const commits = storedOf(fresh).map(({ revision, committedUs, prepared }) => ({
      revision,
      committedUs,
      batch: prepared.accepted,
      bytes: prepared.bytes,
    }));
    if (commits.length === 0) return;
    this.#options.tail.publish(commits);
    this.#options.onCommitted();
  }
}
