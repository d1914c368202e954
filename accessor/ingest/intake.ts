// Takes batches from any number of producers to their decision: prepare, commit in groups, publish, answer.
import { create, fromBinary } from "@bufbuild/protobuf";
import { type BatchResult, BatchResultSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import type { Epochs } from "../epochs.ts";
import { Failure } from "../failure.ts";
import type { Tail } from "../feed/tail.ts";
import type { Retention } from "../retention.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { isOfAnotherEpoch } from "../store/errors.ts";
import { commitGroup, type Decision, type Opened, openProducer, type Submission } from "../store/ingest.ts";
import { producerPattern } from "./bounds.ts";
import { Budget } from "./budget.ts";
import { type DecidedSubmission, GroupCommit } from "./group-commit.ts";
import { type Prepared, prepareBatch } from "./prepare.ts";

export type Limits = { maxBatchBytes: number; maxBatchRecords: number };

export type IntakeOptions = Limits & {
  database: Database;
  catalog: Catalog;
  tail: Tail;
  /** What all producers together may have in flight, decoded. */
  maxInFlightBytes: number;
  /** Older records are not taken. */
  retention: Retention;
  epochs: Epochs;
  /** Told after own commits. */
  onCommitted: () => void;
  /** Told after each commit, and of the error of each that failed. */
  onWrite: (error?: unknown) => void;
  /** Milliseconds that only go forward. */
  monotonicMs: () => number;
};

export type Decided = { revision: number; result: BatchResult; plain: boolean };

const maxProducerIds = 10_000;

export class Intake {
  readonly limits: Limits;
  readonly #options: IntakeOptions;
  readonly #group: GroupCommit;
  readonly #budget: Budget;
  readonly #producerIds = new Map<string, number>();
  /** The database's clock minus our monotonic one. */
  #clockOffsetUs: number;

  /** databaseNowUs: the database's clock, read just now. */
  constructor(options: IntakeOptions, databaseNowUs: number) {
    this.#options = options;
    this.limits = { maxBatchBytes: options.maxBatchBytes, maxBatchRecords: options.maxBatchRecords };
    this.#clockOffsetUs = databaseNowUs - options.monotonicMs() * 1000;
    this.#budget = new Budget(options.maxInFlightBytes);
    this.#group = new GroupCommit({
      commit: (group) => this.#commit(group),
      onDecided: (decided) => this.#publish(decided),
    });
  }

  /** The database's clock, in microseconds, as of its last answer and our own clock since. */
  get databaseNowUs(): number {
    return Math.floor(this.#options.monotonicMs() * 1000 + this.#clockOffsetUs);
  }

  /** The epoch that ids given from now on are of. */
  get epoch(): number {
    return this.#options.epochs.current;
  }

  /** Another epoch has begun: ids of producers may be others. */
  forget(): void {
    this.#producerIds.clear();
  }

  /** The id of a producer that has no more to say than its name. Fails with PRODUCER_ID_INVALID. */
  async producerId(name: string): Promise<number> {
    const known = this.#producerIds.get(name);
    if (known !== undefined) return known;
    const { producerId, epoch } = await this.open(name, 0n);
    this.#options.epochs.assertStill(epoch);
    if (this.#producerIds.size === maxProducerIds) this.#producerIds.clear();
    this.#producerIds.set(name, producerId);
    return producerId;
  }

  /** A producer's hello. Fails with PRODUCER_ID_INVALID. */
  async open(name: string, lastAckedSequence: bigint): Promise<Opened & { epoch: number }> {
    const { epoch } = this;
    if (!producerPattern.test(name)) {
      throw new Failure(
        "PRODUCER_ID_INVALID",
        `producer id ${JSON.stringify(name.slice(0, 80))} does not fit [A-Za-z0-9][A-Za-z0-9._:-]{0,127}`,
        {
          metadata: { producer_id: name.slice(0, 200) },
        },
      );
    }
    const hello = { name, lastAckedSequence: toSequence(name, lastAckedSequence) };
    return { ...(await this.#written(openProducer(this.#options.database, hello))), epoch };
  }

  /** Bytes of batches in flight, decoded. */
  get inFlightBytes(): number {
    return this.#budget.usedBytes;
  }

  /** Batches that wait to be in flight. */
  get waiting(): number {
    return this.#budget.waiting;
  }

  /** Waits until the batch of a share's holder may be in flight; give the bytes back with release when it is decided. */
  async admit(batch: Batch | undefined, byteLength: number, signal: AbortSignal, holder = ""): Promise<number> {
    // Decoded and prepared, a batch takes some three times its size on the wire.
    const bytes = 3 * byteLength + 1000 * (batch?.samples.length ?? 0) + 1000;
    await this.#budget.acquire(bytes, signal, holder);
    return bytes;
  }

  release(bytes: number, holder = ""): void {
    this.#budget.release(bytes, holder);
  }

  /** Fails with REQUEST_INVALID without a sequence, SEQUENCE_GAP if it is beyond all numbers. */
  async prepare(numbered: {
    sequence: bigint;
    batch: Batch | undefined;
    byteLength: number;
    producer: string;
    /** Which machines its sender may write; undefined: all. */
    permits?: ((machine: string) => boolean) | undefined;
  }): Promise<Prepared> {
    const { catalog, maxBatchBytes, maxBatchRecords, retention } = this.#options;
    const sequence = toSequence(numbered.producer, numbered.sequence);
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
    const nowUs = this.databaseNowUs;
    return prepareBatch(
      { sequence, batch, byteLength: numbered.byteLength },
      { catalog, maxBatchBytes, maxBatchRecords, retention, nowUs, permits: numbered.permits },
    );
  }

  /** Commits a prepared batch. Fails with SEQUENCE_GAP, SEQUENCE_CONFLICT or what befell the database. */
  async decide({
    producer,
    holder = "",
    ...submission
  }: Submission & { producer: string; holder?: string }): Promise<Decided> {
    const decision = await this.#group.submit(submission, holder);
    const { sequence } = submission.prepared;
    const metadata = { producer_id: producer, sequence: String(sequence) };
    if (decision.outcome === "gap") {
      throw new Failure(
        "SEQUENCE_GAP",
        `sequence ${sequence} of producer ${producer} came, but ${decision.expected} is the next`,
        {
          metadata: { ...metadata, expected_sequence: String(decision.expected) },
        },
      );
    }
    if (decision.outcome === "conflict") {
      const message = `sequence ${sequence} of producer ${producer} was stored before with other content; nothing was written`;
      throw new Failure("SEQUENCE_CONFLICT", message, { metadata });
    }
    const duplicate = decision.outcome === "duplicate";
    const result =
      decision.result === null
        ? create(BatchResultSchema, { sequence: BigInt(sequence), duplicate })
        : { ...fromBinary(BatchResultSchema, decision.result, { readUnknownFields: false }), duplicate };
    return { revision: decision.revision, result, plain: decision.result === null && !duplicate };
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    return this.#group.idle();
  }

  /** Fails, and nothing is told of the group, if another epoch has begun since the ids in it were given. */
  async #commit(group: readonly Submission[]): Promise<Decision[]> {
    const { database, epochs } = this.#options;
    const { epoch } = this;
    for (const submission of group) epochs.assertStill(submission.epoch ?? epoch);
    try {
      const decisions = await this.#written(commitGroup(database, group, { epoch }));
      // A former primary may have answered last.
      for (const { revision } of decisions) epochs.assertHolds({ epoch, revision });
      return decisions;
    } catch (error) {
      // Now, so that who tries again at once finds the new epoch.
      if (isOfAnotherEpoch(error)) await epochs.follow(null);
      throw error;
    }
  }

  async #written<T>(write: Promise<T>): Promise<T> {
    try {
      const answer = await write;
      this.#options.onWrite();
      return answer;
    } catch (error) {
      if (!isOfAnotherEpoch(error)) this.#options.onWrite(error);
      throw error;
    }
  }

  #publish(decided: readonly DecidedSubmission[]): void {
    const fresh = decided.filter(({ decision: { outcome } }) => outcome === "stored" || outcome === "decided");
    if (fresh.length === 0) return;
    // Also when nothing was stored: a clock that has fallen behind rejects everything, and must not stay so.
    this.#clockOffsetUs = fresh[0]!.decision.committedUs - this.#options.monotonicMs() * 1000;
    const commits = fresh
      .filter(({ decision }) => decision.outcome === "stored")
      .map(({ submission: { prepared }, decision: { revision, committedUs } }) => ({
        revision,
        committedUs,
        batch: prepared.accepted,
        bytes: prepared.bytes,
      }));
    if (commits.length === 0) return;
    this.#options.tail.publish(commits.sort((a, b) => a.revision - b.revision));
    this.#options.onCommitted();
  }
}

function toSequence(producer: string, sequence: bigint): number {
  if (sequence <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(sequence);
  throw new Failure("SEQUENCE_GAP", `sequence ${sequence} is beyond 2^53; numbers start at 1 and go up by one`, {
    metadata: { producer_id: producer, sequence: String(sequence) },
  });
}
