// The accessor's answers of the health service: it serves while PostgreSQL answers, IngestService
// only while PostgreSQL also accepts writes.
import type { HealthState } from "../runtime/grpc/health.ts";
import { Failure } from "./domain/failure.ts";

export type ReadinessOptions = {
  health: HealthState;
  /** The service that writes. */
  ingest: string;
  monotonicMs: () => number;
  /**
   * How long a failed write means that the next one would fail too, unless one succeeds or
   * PostgreSQL was unavailable in between: polls do not notice a full disk. Producers retry more
   * often. Default 15 s.
   */
  holdMs?: number;
};

export class Readiness {
  readonly #options: Required<ReadinessOptions>;
  #polled = false;
  #answers = false;
  #mayWrite = false;
  #failedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReadinessOptions) {
    this.#options = { holdMs: 15_000, ...options };
  }

  /**
   * After each poll: whether PostgreSQL may write, and keeps its commits; undefined: it did not
   * answer.
   */
  polled(mayWrite: boolean | undefined): void {
    this.#polled = true;
    this.#answers = mayWrite !== undefined;
    if (mayWrite && !this.#mayWrite) this.#failedMs = Number.NEGATIVE_INFINITY;
    this.#mayWrite = mayWrite === true;
    this.#tell();
  }

  /**
   * After each write. If PostgreSQL refuses the data itself, that predicts nothing about the next
   * write.
   */
  wrote(error?: unknown): void {
    const failed = error instanceof Failure && /^DATABASE_/.test(error.reason);
    if (error !== undefined && !failed) return;
    this.#failedMs = failed ? this.#options.monotonicMs() : Number.NEGATIVE_INFINITY;
    this.#tell();
  }

  /** Whether a write would probably fail now. False before the first poll: nothing is known. */
  get refusesWrites(): boolean {
    return this.#polled && !this.isWritable;
  }

  /** Whether a write would probably succeed now. */
  get isWritable(): boolean {
    const { monotonicMs, holdMs } = this.#options;
    return this.#answers && this.#mayWrite && monotonicMs() - this.#failedMs >= holdMs;
  }

  #tell(): void {
    const { health, ingest } = this.#options;
    const takes = this.isWritable;
    for (const name of health.names) health.set(name === ingest ? takes : this.#answers, name);
  }
}
