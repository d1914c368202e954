// Rates held by token buckets, one for each key: so much at once, so much a second after that.
// Bounded in keys, on a clock that is given.

export type Rate = {
  perSecond: number;
  /** Most that may be taken at once after a rest; what a bucket begins with. At least 1. */
  burst: number;
};

export type TokenBucketsOptions = Rate & {
  /** Milliseconds that only go forward. */
  monotonicMs: () => number;
  /**
   * Buckets kept; beyond it, the one that was asked longest ago is forgotten, and would begin full.
   * Default 20,000.
   */
  maxKeys?: number;
};

export type Taken = {
  granted: boolean;
  /** Whole tokens left; 0 while in debt. */
  remaining: number;
  /** Until one token is there. 0 if one is. */
  retryMs: number;
  /** Until the bucket is full. */
  resetMs: number;
};

type Bucket = { level: number; atMs: number };

export class TokenBuckets {
  readonly rate: Rate;
  readonly #monotonicMs: () => number;
  readonly #maxKeys: number;
  /** In the order in which they were last asked. */
  readonly #buckets = new Map<string, Bucket>();

  constructor({ perSecond, burst, monotonicMs, maxKeys = 20_000 }: TokenBucketsOptions) {
    this.rate = { perSecond, burst: Math.max(1, burst) };
    this.#monotonicMs = monotonicMs;
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Takes `count` tokens if at least one is there, else none. More than are there may be taken: the
   * bucket is then in debt, and grants nothing until that is paid off. So what has a size nobody
   * knows beforehand is held to the rate all the same. `count` 0 only looks.
   */
  take(key: string, count = 1): Taken {
    const bucket = this.#refill(key);
    const granted = bucket.level >= 1;
    if (granted) bucket.level -= count;
    return this.#tell(bucket, granted);
  }

  /** Takes `count` tokens whether they are there or not. */
  charge(key: string, count: number): Taken {
    const bucket = this.#refill(key);
    bucket.level -= count;
    return this.#tell(bucket, true);
  }

  #refill(key: string): Bucket {
    const { perSecond, burst } = this.rate;
    const nowMs = this.#monotonicMs();
    const kept = this.#buckets.get(key);
    const bucket = {
      level: kept ? Math.min(burst, kept.level + ((nowMs - kept.atMs) / 1_000) * perSecond) : burst,
      atMs: nowMs,
    };
    this.#buckets.delete(key);
    if (this.#buckets.size >= this.#maxKeys)
      this.#buckets.delete(this.#buckets.keys().next().value!);
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #tell({ level }: Bucket, granted: boolean): Taken {
    const { perSecond, burst } = this.rate;
    const untilMs = (wanted: number) =>
      Math.ceil((Math.max(0, wanted - level) / perSecond) * 1_000);
    return {
      granted,
      remaining: Math.max(0, Math.floor(level)),
      retryMs: untilMs(1),
      resetMs: untilMs(burst),
    };
  }
}
