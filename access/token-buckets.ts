// Rate limits by token buckets, one for each key: a burst at once, then a rate per second. The
// number of keys is bounded, and the clock is passed in.

export type Rate = {
  perSecond: number;
  /**
   * Size of a full bucket, with which each begins: the most that can be taken at once. At least 1.
   */
  burst: number;
};

export type TokenBucketsOptions = Rate & {
  /** Milliseconds that only go forward. */
  monotonicMs: () => number;
  /**
   * Most buckets to keep; beyond it, the least recently used one is dropped, and would begin full
   * again. Default 20,000.
   */
  maxKeys?: number;
};

export type Taken = {
  granted: boolean;
  /** Whole tokens left; 0 while in debt. */
  remaining: number;
  /** Time until one token is available; 0 if one is. */
  retryMs: number;
  /** Time until the bucket is full. */
  resetMs: number;
};

type Bucket = { level: number; atMs: number };

export class TokenBuckets {
  readonly rate: Rate;
  readonly #monotonicMs: () => number;
  readonly #maxKeys: number;
  /** In the order of their last use. */
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
   * Takes `count` tokens if at least one is available, otherwise none. It may take more than are
   * available: the bucket is then in debt, and grants nothing until the debt is paid off. So the
   * rate also holds for requests whose size is not known beforehand. `count` 0 only checks.
   */
  take(key: string, count = 1): Taken {
    const bucket = this.#refill(key);
    const granted = bucket.level >= 1;
    if (granted) bucket.level -= count;
    return this.#tell(bucket, granted);
  }

  /** Takes `count` tokens even if they are not available. */
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
