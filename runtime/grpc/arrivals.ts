// Memory of requests that are arriving: a large message is admitted when there is room for it, and
// keeps that room until its handler has finished with it. A message that arrives too slowly is
// dropped.
import { Code, ConnectError } from "@connectrpc/connect";

/** The room for messages, in bytes, shared between callers; FairQueue is one. */
export type ArrivalBudget = {
  acquire(caller: string, bytes: number, abort: AbortSignal): Promise<void>;
  release(caller: string, bytes: number): void;
};

export type ArrivalOptions = {
  room: ArrivalBudget;
  /**
   * How long a message may make no progress, and how much longer it may take than at
   * `minBytesPerSecond`. Default 30 s.
   */
  stallMs?: number;
  /** Default 8 KiB/s. */
  minBytesPerSecond?: number;
  /** The error that ends a call whose message arrives too slowly. */
  tooSlow: () => unknown;
  /** The error that ends a call whose messages are too small. */
  tooSmall: () => unknown;
  /** Milliseconds that only go forward. */
  monotonicMs?: () => number;
};

/**
 * A message of up to this many bytes needs no room: each call may have one at its handler, and as
 * many waiting as ReadAhead allows.
 */
export const smallBytes = 4 * 1024;

/**
 * How many messages of less than `bytes` a call may send. A frame, which holds up to 3,000 empty
 * ones, is split at once, and each message takes some 400 bytes until its handler reads it.
 */
const tiny = { bytes: 16, atOnce: 64, perLarger: 4 };

/** All large messages of a server that have begun to arrive. */
export class Arrivals implements Disposable {
  readonly options: Required<ArrivalOptions>;
  readonly #coming = new Set<Arrival>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ArrivalOptions) {
    this.options = {
      stallMs: 30_000,
      minBytesPerSecond: 8 * 1024,
      monotonicMs: () => performance.now(),
      ...options,
    };
  }

  /**
   * caller: the caller whose share the call uses; asked when it first takes room. end: ends the
   * call.
   */
  open(caller: () => string, end: (reason: unknown) => void): Arrival {
    return new Arrival(this, { caller, end });
  }

  add(arrival: Arrival): void {
    this.#coming.add(arrival);
    this.#timer ??= setInterval(() => this.look(), Math.max(1, this.options.stallMs / 8)).unref();
  }

  remove(arrival: Arrival): void {
    if (!this.#coming.delete(arrival) || this.#coming.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends calls whose message arrives too slowly. */
  look(): void {
    for (const arrival of this.#coming) arrival.look();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** The room of one call. It has at most one message that is arriving, and one at its handler. */
export class Arrival {
  readonly #arrivals: Arrivals;
  readonly #callerOf: () => string;
  readonly #end: (reason: unknown) => void;
  #caller: string | undefined;
  #controller: AbortController | undefined;
  #held = 0;
  #handlerBytes = 0;
  #sinceMs = 0;
  #lastMs = 0;
  #come = 0;
  #seen = 0;
  #over = false;
  #tinyLeft = tiny.atOnce;
  /** The message that the handler has. Disposing of it gives back its room. */
  readonly atHandler: Disposable = {
    [Symbol.dispose]: () => {
      this.give(this.#handlerBytes);
      this.#handlerBytes = 0;
    },
  };

  constructor(
    arrivals: Arrivals,
    { caller, end }: { caller: () => string; end: (reason: unknown) => void },
  ) {
    this.#arrivals = arrivals;
    this.#callerOf = caller;
    this.#end = end;
  }

  /** Whether the call has ended. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Resolves when there is room; rejects if the call ends before. */
  async take(bytes: number): Promise<void> {
    if (this.#over) throw over;
    const { room } = this.#arrivals.options;
    this.#caller ??= this.#callerOf();
    this.#controller ??= new AbortController();
    await room.acquire(this.#caller, bytes, this.#controller.signal);
    if (this.#over) {
      room.release(this.#caller, bytes);
      throw over;
    }
    this.#held += bytes;
  }

  /** A message that has room begins to arrive. */
  begin(): void {
    this.#sinceMs = this.#arrivals.options.monotonicMs();
    this.#lastMs = this.#sinceMs;
    [this.#come, this.#seen] = [0, 0];
    this.#arrivals.add(this);
  }

  came(bytes: number): void {
    this.#come += bytes;
  }

  /** A message of this many bytes is complete. */
  cameMessage(bytes: number): void {
    this.#tinyLeft += bytes < tiny.bytes ? -1 : tiny.perLarger;
    this.#tinyLeft = Math.min(this.#tinyLeft, tiny.atOnce);
    if (this.#tinyLeft < 0 && !this.#over) this.#end(this.#arrivals.options.tooSmall());
  }

  /** A message that had room is complete. */
  complete(): void {
    this.#arrivals.remove(this);
  }

  /** Assigns this much of the room to the message that the handler now has. */
  handOver(bytes: number): void {
    this.#handlerBytes = bytes;
  }

  give(bytes: number): void {
    const given = Math.min(bytes, this.#held);
    if (given === 0) return;
    this.#held -= given;
    this.#arrivals.options.room.release(this.#caller!, given);
  }

  /** The call has ended: stops waiting and releases everything. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#arrivals.remove(this);
    this.#controller?.abort(over);
    this.give(this.#held);
  }

  look(): void {
    const { stallMs, minBytesPerSecond, monotonicMs, tooSlow } = this.#arrivals.options;
    const nowMs = monotonicMs();
    if (this.#come > this.#seen) [this.#seen, this.#lastMs] = [this.#come, nowMs];
    const mayTakeMs = stallMs + (this.#come / minBytesPerSecond) * 1_000;
    if (nowMs - this.#lastMs < stallMs && nowMs - this.#sinceMs < mayTakeMs) return;
    this.#arrivals.remove(this);
    this.#end(tooSlow());
  }
}

/** An expected end: a call may end while it waits for room. */
const over = new ConnectError("the call has ended", Code.Canceled);
