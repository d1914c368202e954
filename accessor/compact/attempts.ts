// What to try next when steps of compaction fail: smaller and smaller ones until one commit is
// alone. It is passed over when it has failed three times.

/** What a step that failed had in hand. */
export type Tried = { rows: number; oneCommit: boolean };

/** What is known at a time, for whoever goes on after this. */
export type AttemptsState = { rows: number; failures: number; heldInRow: number };

const maxFailures = 3;
// So many in a row may be the data's fault; more of them are a database that is ill, and to pass
// over everything helps nobody.
const maxHeldInRow = 16;

export class Attempts {
  readonly #fullRows: number;
  #rows: number;
  #failures: number;
  #heldInRow: number;

  /**
   * fullRows: what a step takes when nothing is wrong. state: where another left off; default:
   * nothing has failed.
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

  /** How many rows of the log the next step is to take. */
  get maxRows(): number {
    return this.#rows;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#heldInRow = 0;
    // What failed with so many more rows comes soon: nearer, but not all at once.
    this.#rows = Math.min(this.#fullRows, this.#rows * 2);
  }

  /** Answers whether the commit is to be passed over: it alone has failed three times. */
  failed({ rows, oneCommit }: Tried): boolean {
    this.#failures++;
    if (oneCommit) return this.#failures >= maxFailures && this.#heldInRow < maxHeldInRow;
    this.#failures = 0;
    this.#rows = Math.max(1, Math.floor(Math.min(this.#rows, rows) / 2));
    return false;
  }

  /** The commit was passed over. */
  held(): void {
    this.#failures = 0;
    this.#heldInRow++;
  }
}
