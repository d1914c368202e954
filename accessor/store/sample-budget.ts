// How many decoded samples all readers together may hold: each reader has an equal share, as long
// as it reads.

export type SampleBudgetOptions = {
  /** Total of all readers. Default 8,388,608: 128 MiB, or 192 with their commits. */
  max?: number;
  /** Minimum for each reader, however many there are. Default 262,144. */
  least?: number;
};

export class SampleBudget {
  readonly #max: number;
  readonly #least: number;
  #readers = 0;

  constructor({ max = 8_388_608, least = 262_144 }: SampleBudgetOptions = {}) {
    this.#max = max;
    this.#least = least;
  }

  get readers(): number {
    return this.#readers;
  }

  /** What one reader may hold now. */
  get share(): number {
    return Math.max(this.#least, Math.floor(this.#max / Math.max(1, this.#readers)));
  }

  /** Adds a reader, until it is disposed of. */
  enter(): Disposable {
    this.#readers++;
    return { [Symbol.dispose]: () => void this.#readers-- };
  }
}
