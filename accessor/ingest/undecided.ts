// The batches of one stream that are not decided yet, in order; bounded, so that a stream does not
// read more batches than it may leave unanswered.
import type { Decided } from "./sequences.ts";

type Entry = {
  sequence: bigint;
  outcome: Promise<Decided>;
  decided?: Decided;
  failure?: { error: unknown };
};
export type DecidedBatch = { sequence: bigint; decided: Decided };

export class UndecidedBatches {
  readonly #max: number;
  #entries: Entry[] = [];
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wakeReader = () => {};
  #wakeWriter = () => {};

  constructor(max: number) {
    this.#max = max;
  }

  /** Adds the next batch; resolves when there is room for another. */
  async add(sequence: bigint, outcome: Promise<Decided>, abort: AbortSignal): Promise<void> {
    const entry: Entry = { sequence, outcome };
    this.#entries.push(entry);
    outcome
      .then(
        (decided) => {
          entry.decided = decided;
        },
        (error) => {
          entry.failure = { error };
        },
      )
      .finally(() => this.#wakeReader());
    while (this.#entries.length >= this.#max && !abort.aborted) {
      await new Promise<void>((resolve) => {
        const settle = () => {
          abort.removeEventListener("abort", settle);
          resolve();
        };
        this.#wakeWriter = settle;
        abort.addEventListener("abort", settle, { once: true });
        if (abort.aborted) settle();
      });
    }
    abort.throwIfAborted();
  }

  /** No more batches will follow. */
  end(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  /** Batches so far are still decided and returned; then the error is thrown. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.end();
  }

  /**
   * Runs of batches as they are decided, in order. Throws the first failure, after what was decided
   * before it.
   */
  async *decided(): AsyncGenerator<DecidedBatch[], void, undefined> {
    for (;;) {
      const run: DecidedBatch[] = [];
      let count = 0;
      for (const { sequence, decided } of this.#entries) {
        if (decided === undefined) break;
        run.push({ sequence, decided });
        count++;
      }
      this.#entries = this.#entries.slice(count);
      this.#wakeWriter();
      if (run.length > 0) yield run;
      const [next] = this.#entries;
      if (next?.failure) throw next.failure.error;
      if (next?.decided) continue;
      if (next === undefined && this.#ended) {
        if (this.#failure) throw this.#failure.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }
}
