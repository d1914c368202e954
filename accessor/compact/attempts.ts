// What to try next when steps of compaction fail: smaller and smaller steps until one commit is
// alone. That commit is skipped once it has failed three times.

/** What a failed step was working on. */
export type Tried = { rows: number; oneCommit: boolean };

/** The state at a point in time, for a successor to continue from. */
export type AttemptsState = { rows: number; failures: number; heldInRow: number };

const maxFailures = 3;
// This many in a row may be the data's fault; more mean that the database has a problem, and
// skipping everything would not help.
const maxHeldInRow = 16;

export class Attempts {
  readonly #fullRows: number;
  #rows: number;
  #failures: number;
  #heldInRow: number;

  /**
   * fullRows: how many rows a step takes when nothing is wrong. state: where a predecessor stopped;
   * default: nothing has failed.
   */
  constructor(
    fullRows: number,
    state: AttemptsState = { rows: fullRows, failures: 0, heldInRow: 0 },
  ) {
    this.#fullRows = fullRows;
    this.#rows = state.rows;
    this.#failures = state.failures;
    this.#heldInRow = state.heldInRow;
  }

  get state(): AttemptsState {
    return { rows: this.#rows, failures: this.#failures, heldInRow: this.#heldInRow };
  }

  /** How many rows of the log the next step should take. */
  get maxRows(): number {
    return this.#rows;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#heldInRow = 0;
    // The cause of the failure among the larger number of rows comes soon: take more, but not all
    // at once.
    this.#rows = Math.min(this.#fullRows, this.#rows * 2);
  }

  /** Returns whether to skip the commit, because it alone has failed three times. */
  failed({ rows, oneCommit }: Tried): boolean {
    this.#failures++;
    if (oneCommit) return this.#failures >= maxFailures && this.#heldInRow < maxHeldInRow;
    this.#failures = 0;
    this.#rows = Math.max(1, Math.floor(Math.min(this.#rows, rows) / 2));
    return false;
  }

  /** The commit was skipped. */
  held(): void {
    this.#failures = 0;
    this.#heldInRow++;
  }
}
