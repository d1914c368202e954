// What the accessor says of itself by the health service: it serves while PostgreSQL answers,
// IngestService only while that also takes what is to be kept.
import type { HealthState } from "../runtime/grpc/health.ts";
import { Failure } from "./domain/failure.ts";

export type ReadinessOptions = {
  health: HealthState;
  /** The service that writes. */
  ingest: string;
  monotonicMs: () => number;
  /**
   * How long a write that failed says that the next would too, unless one succeeds or PostgreSQL
   * was away since: polls see no full disk. Producers try more often. Default 15 s.
   */
  holdMs?: number;
};

export class Readiness {
  readonly #options: Required<ReadinessOptions>;
  #answers = false;
  #mayWrite = false;
  #failedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReadinessOptions) {
    this.#options = { holdMs: 15_000, ...options };
  }

  /**
   * After each poll: whether PostgreSQL may write, and keeps what it commits; undefined: it did not
   * answer.
   */
  polled(mayWrite: boolean | undefined): void {
    this.#answers = mayWrite !== undefined;
    if (mayWrite && !this.#mayWrite) this.#failedMs = Number.NEGATIVE_INFINITY;
    this.#mayWrite = mayWrite === true;
    this.#tell();
  }

  /** After each write. What PostgreSQL refuses of the data says nothing of the next. */
  wrote(error?: unknown): void {
    const failed = error instanceof Failure && /^DATABASE_/.test(error.reason);
    if (error !== undefined && !failed) return;
    this.#failedMs = failed ? this.#options.monotonicMs() : Number.NEGATIVE_INFINITY;
    this.#tell();
  }

  #tell(): void {
    const { health, ingest, monotonicMs, holdMs } = this.#options;
    const takes = this.#answers && this.#mayWrite && monotonicMs() - this.#failedMs >= holdMs;
    for (const name of health.names) health.set(name === ingest ? takes : this.#answers, name);
  }
}
