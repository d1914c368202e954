// The epochs of this database's history as this process knows them, and what it does when they
// change: a promotion or restore, which the next read of the database notices.
import { type Epoch, holds, type Position } from "./cursor.ts";
import { Failure } from "./failure.ts";

export type EpochsOptions = {
  epochs: readonly Epoch[];
  /** Reads all epochs; begins that of a new timeline first if necessary. */
  read: () => Promise<Epoch[]>;
  /**
   * Called before anything of another epoch is used. fork: the first revision that the two
   * histories do not share. Throws if the process cannot continue.
   */
  onMoved: (epochs: readonly Epoch[], fork: number) => void;
};

/**
 * The epoch that every read returns beside its result: the newest, or null if one is about to
 * begin.
 */
export type SeenEpoch = number | null;

export class Epochs {
  readonly #options: EpochsOptions;
  #epochs: readonly Epoch[];
  #reading: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #givenUp: unknown;

  constructor(options: EpochsOptions) {
    this.#options = options;
    this.#epochs = options.epochs;
  }

  /** Fails if the process has discarded its state. */
  get current(): number {
    if (this.#givenUp !== undefined) throw this.#givenUp;
    return this.#epochs.at(-1)!.epoch;
  }

  /** Resolves when this process is in that epoch. Costs nothing if it already is. */
  async follow(seen: SeenEpoch): Promise<void> {
    for (let attempt = 0; seen !== this.current; attempt++) {
      // Two different answers come from two servers, one of which is no longer the primary.
      if (attempt === 2) throw moved();
      await this.#fresh();
      if (seen === null) return;
    }
  }

  /**
   * Runs a read whose result has its epoch (undefined: no result), and repeats it if another epoch
   * has begun meanwhile.
   */
  async within<T extends { epoch: SeenEpoch | undefined }>(read: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const { current } = this;
      const answer = await read();
      if (answer.epoch === undefined || (answer.epoch === current && current === this.current))
        return answer;
      if (attempt === 2) throw moved();
      // If another call has followed meanwhile, the answer is only late.
      if (current === this.current) await this.follow(answer.epoch);
    }
  }

  /** Runs a read during which no epoch begins: repeats it if one does. */
  async during<T>(read: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const { current } = this;
      const answer = await read();
      if (current === this.current) return answer;
      if (attempt === 2) throw moved();
    }
  }

  /** Fails if another epoch has begun since: ids that were assigned in this one may be invalid. */
  assertStill(epoch: number): void {
    if (epoch !== this.current) throw moved();
  }

  /** Fails if a commit that was made in its epoch has been given up since. */
  assertHolds(position: Position): void {
    if (this.#givenUp !== undefined) throw this.#givenUp;
    if (!holds(this.#epochs, position)) throw moved();
  }

  /** A read that begins after this call. Calls that arrive meanwhile share the next one. */
  #fresh(): Promise<void> {
    if (this.#reading === undefined) return this.#read();
    this.#next ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#read();
      });
    return this.#next;
  }

  #read(): Promise<void> {
    this.#reading = this.#options
      .read()
      .then((epochs) => this.#take(epochs))
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  #take(epochs: readonly Epoch[]): void {
    const fork = forkOf(this.#epochs, epochs);
    if (fork === undefined || this.#givenUp !== undefined) return;
    try {
      this.#options.onMoved(epochs, fork);
      this.#epochs = epochs;
    } catch (error) {
      this.#givenUp = error;
      throw error;
    }
  }
}

/**
 * The first revision that two histories of one database do not share; undefined if they are the
 * same.
 */
export function forkOf(before: readonly Epoch[], now: readonly Epoch[]): number | undefined {
  const length = Math.max(before.length, now.length);
  for (let i = 0; i < length; i++) {
    const [was, is] = [before[i], now[i]];
    if (was?.epoch === is?.epoch && was?.firstRevision === is?.firstRevision) continue;
    return Math.min(
      was?.firstRevision ?? Number.POSITIVE_INFINITY,
      is?.firstRevision ?? Number.POSITIVE_INFINITY,
    );
  }
  return undefined;
}

/** Work that began in another epoch must start again. */
export function moved(cause?: unknown): Failure {
  return new Failure(
    "DATABASE_UNAVAILABLE",
    "the database was promoted or restored during the call: try again",
    {
      retryAfterMs: 100,
      cause,
    },
  );
}
