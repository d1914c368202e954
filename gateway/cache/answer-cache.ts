// A cache of answers by key and version, bounded by bytes. Each answer is made once, however many
// requests need it at the same time.
import { LRUCache } from "lru-cache";
import { ownBytes } from "../../runtime/own-bytes.ts";

/**
 * An answer as bytes. The version names the data that it depends on: while it is the same, so is
 * the answer.
 */
export type KeptAnswer = {
  readonly version: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: Buffer;
  /** The next page, from which the Link header is made for each request. */
  readonly next?:
    | { readonly pageToken: string; readonly times: Record<string, string | undefined> }
    | undefined;
  /** Digest of the text, which identifies these bytes. */
  readonly digest: string;
  /** When it was made, on the cache's clock. */
  readonly madeMs: number;
  /** When it expires, on the cache's clock; Infinity for never. */
  readonly untilMs: number;
  /** The compressed text by encoding, once it was requested. */
  readonly encoded: ReadonlyMap<string, Buffer>;
};

export type CacheCounts = {
  /** Answers from the cache. */
  hits: number;
  /** Answers that were made. */
  misses: number;
  /** Requests that waited for an answer that another request was making. */
  joins: number;
  /** Answers with 304. */
  notModified: number;
  /** Entries that were dropped to make room. */
  evictions: number;
};

type Making = { answer: Promise<KeptAnswer>; waiting: number; readonly stop: AbortController };

/** Bytes of an entry besides its texts. */
const entryBytes = 1_024;

export class AnswerCache {
  readonly counts: CacheCounts = { hits: 0, misses: 0, joins: 0, notModified: 0, evictions: 0 };
  readonly monotonicMs: () => number;
  readonly #kept: LRUCache<string, KeptAnswer> | undefined;
  readonly #making = new Map<string, Making>();

  /** maxBytes: 0 keeps nothing, but requests still share an answer that is being made. */
  constructor({
    maxBytes,
    monotonicMs = () => performance.now(),
  }: { maxBytes: number; monotonicMs?: () => number }) {
    this.monotonicMs = monotonicMs;
    if (maxBytes === 0) return;
    this.#kept = new LRUCache<string, KeptAnswer>({
      maxSize: maxBytes,
      // One answer must not evict all others.
      maxEntrySize: Math.max(1, Math.floor(maxBytes / 4)),
      sizeCalculation: sizeOf,
      dispose: (_answer, _key, reason) => {
        if (reason === "evict") this.counts.evictions++;
      },
    });
  }

  get bytes(): number {
    return this.#kept?.calculatedSize ?? 0;
  }

  /** How many answers are being made. */
  get making(): number {
    return this.#making.size;
  }

  get entries(): number {
    return this.#kept?.size ?? 0;
  }

  /**
   * The answer of a key at a version: from the cache, or made now. The abort signal of `make` fires
   * when no request waits any more; `kept: false` always makes it. Rejects as `make` does, for all
   * requests that wait for it.
   */
  async answer(
    {
      key,
      version,
      kept = true,
      abort,
    }: { key: string; version: string; kept?: boolean; abort: AbortSignal },
    make: (abort: AbortSignal) => Promise<KeptAnswer>,
  ): Promise<KeptAnswer> {
    const known = kept ? this.#kept?.get(key) : undefined;
    if (known?.version === version && this.monotonicMs() < known.untilMs) {
      this.counts.hits++;
      return known;
    }
    const flight = `${version} ${kept} ${key}`;
    let others = this.#making.get(flight);
    // All its waiters have left, although it has not ended yet.
    if (others?.stop.signal.aborted) others = undefined;
    if (others === undefined) this.counts.misses++;
    else this.counts.joins++;
    const making = others ?? this.#make(flight, key, make);
    making.waiting++;
    const leave = () => {
      making.waiting--;
      if (making.waiting === 0) making.stop.abort(abort.reason);
    };
    abort.addEventListener("abort", leave, { once: true });
    if (abort.aborted) leave();
    try {
      return await making.answer;
    } finally {
      abort.removeEventListener("abort", leave);
    }
  }

  /** Adds a compressed form to an answer, if it is still in the cache. */
  keepEncoded(key: string, answer: KeptAnswer, encoding: string, bytes: Buffer): void {
    if (this.#kept?.peek(key) !== answer) return;
    this.#kept.set(key, {
      ...answer,
      encoded: new Map([...answer.encoded, [encoding, ownBytes(bytes)]]),
    });
  }

  #make(flight: string, key: string, make: (abort: AbortSignal) => Promise<KeptAnswer>): Making {
    const stop = new AbortController();
    const answer = make(stop.signal).then((made) => {
      // A few bytes of a large buffer count as few, so they must not keep all of it in memory.
      const own = { ...made, text: ownBytes(made.text) };
      this.#kept?.set(key, own);
      return own;
    });
    const making = { answer, waiting: 0, stop };
    const over = () => void (this.#making.get(flight) === making && this.#making.delete(flight));
    // All waiters may have left.
    answer.then(over, over);
    this.#making.set(flight, making);
    return making;
  }
}

function sizeOf({ text, encoded, headers }: KeptAnswer): number {
  let bytes = entryBytes + text.length;
  for (const one of encoded.values()) bytes += one.length;
  for (const value of Object.values(headers)) bytes += value.length;
  return bytes;
}
