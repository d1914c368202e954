// Answers that are kept: by key and version, bounded by bytes, each made once however many ask for
// it at the same time.
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
  /** The page after it: what a Link is made of for each who asks. */
  readonly next?:
    | { readonly pageToken: string; readonly times: Record<string, string | undefined> }
    | undefined;
  /** Of the text: what tells these bytes from all others. */
  readonly digest: string;
  /** On the cache's clock. */
  readonly madeMs: number;
  /** Since when it may not be used any more, on the cache's clock; Infinity for never. */
  readonly untilMs: number;
  /** The text compressed, by encoding, once asked for. */
  readonly encoded: ReadonlyMap<string, Buffer>;
};

export type CacheCounts = {
  /** Answered from what is kept. */
  hits: number;
  /** Made. */
  misses: number;
  /** Waited for the same answer that another was making. */
  joins: number;
  /** Answered with 304. */
  notModified: number;
  /** Left out to make room. */
  evictions: number;
};

type Making = { answer: Promise<KeptAnswer>; waiting: number; readonly stop: AbortController };

/** What an entry takes beside its texts. */
const entryBytes = 1_024;

export class AnswerCache {
  readonly counts: CacheCounts = { hits: 0, misses: 0, joins: 0, notModified: 0, evictions: 0 };
  readonly monotonicMs: () => number;
  readonly #kept: LRUCache<string, KeptAnswer> | undefined;
  readonly #making = new Map<string, Making>();

  /** maxBytes: 0 keeps nothing; what is being made is shared all the same. */
  constructor({
    maxBytes,
    monotonicMs = () => performance.now(),
  }: { maxBytes: number; monotonicMs?: () => number }) {
    this.monotonicMs = monotonicMs;
    if (maxBytes === 0) return;
    this.#kept = new LRUCache<string, KeptAnswer>({
      maxSize: maxBytes,
      // One answer may not push all others out.
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
   * The answer of a key at a version: kept, or made now. `make` is told when nobody waits any more;
   * `kept: false` makes it in any case. Rejects as `make` does, for all who wait for it.
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
    // Given up by all who waited for it, though it has not ended yet.
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

  /** Adds a compressed form to what is kept, if it still is. */
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
      // Few bytes of a large buffer count as few, and must not keep all of it.
      const own = { ...made, text: ownBytes(made.text) };
      this.#kept?.set(key, own);
      return own;
    });
    const making = { answer, waiting: 0, stop };
    const over = () => void (this.#making.get(flight) === making && this.#making.delete(flight));
    // Whoever waited may have gone.
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
