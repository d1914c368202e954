// Counts bytes that were written to calls and that clients have not taken yet. They are bounded for
// each stream and for its account, and are not kept for ever. grpc-js itself counts messages:
// sixteen of them, however large, and for as long as the connection lasts.
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Message } from "@bufbuild/protobuf";

/** Bytes that are counted together: those of one client's streams. */
export type ByteAccount = {
  charge(bytes: number): void;
  release(bytes: number): void;
  readonly hasRoom: boolean;
  /**
   * Registers a function to call once when there may be room; returns a function that cancels this.
   */
  onRoom(wake: () => void): () => void;
};

export type OutgoingOptions = {
  /** A stream with this many unread bytes stops writing. Default 2 MiB. */
  maxStreamBytes?: number;
  /**
   * How long a message may wait for its client, per MiB of its size. Then its call is ended.
   * Default 60 s.
   */
  stallMs?: number;
  /**
   * How long the client then has to read the error; after that the stream is reset. Default 5 s.
   */
  graceMs?: number;
  /** The error that ends a stream whose client does not read. */
  stalled?: () => unknown;
  /** Called for each such stream. */
  onStalled?: () => void;
};

/**
 * A stream with this many unread messages stops writing, however small they are. Otherwise a slow
 * reader of a feed would have a thousand small messages before it, although their content fits in a
 * few large ones.
 */
const maxStreamMessages = 16;
const ticksOfStall = 8;
const mebibyte = 1024 * 1024;

/** The parts of a grpc-js call that this file needs. */
type Call = {
  readonly cancelled: boolean;
  write(message: Message, written: () => void): boolean;
  once(event: "cancelled", listener: () => void): unknown;
};

/** All calls of a server that have unread bytes, or had some since the last tick. */
export class OutgoingWatch implements Disposable {
  readonly options: Required<OutgoingOptions>;
  readonly #unread = new Set<Outgoing>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: OutgoingOptions = {}) {
    this.options = {
      maxStreamBytes: 2 * mebibyte,
      stallMs: 60_000,
      graceMs: 5_000,
      onStalled: () => {},
      stalled: () => new Error("the client does not read"),
      ...options,
    };
  }

  /** Unread bytes of all calls. */
  get bytes(): number {
    return [...this.#unread].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** end: ends the call's handler with a reason. */
  open(call: Call, account: ByteAccount | undefined, end: (reason: unknown) => void): Outgoing {
    return new Outgoing(call, { watch: this, account, end });
  }

  add(outgoing: Outgoing): void {
    this.#unread.add(outgoing);
    this.#timer ??= setInterval(
      () => this.#tick(),
      Math.max(1, this.options.stallMs / ticksOfStall),
    ).unref();
  }

  remove(outgoing: Outgoing): void {
    this.#unread.delete(outgoing);
    if (this.#unread.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Calls without unread bytes are removed only here: doing it at each message is slower. */
  #tick(): void {
    for (const outgoing of this.#unread) {
      if (outgoing.hasNone) this.remove(outgoing);
      else outgoing.tick();
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Counts what one call has written. */
export class Outgoing {
  readonly #call: Call;
  readonly #watch: OutgoingWatch;
  readonly #account: ByteAccount | undefined;
  readonly #end: (reason: unknown) => void;
  /** Sizes of the messages that the client has not taken yet, in order. */
  readonly #sizes: number[] = [];
  readonly #onTaken = () => this.#taken();
  #bytes = 0;
  #ticks = 0;
  #over = false;
  #ended = false;
  #wake = () => {};

  constructor(
    call: Call,
    {
      watch,
      account,
      end,
    }: { watch: OutgoingWatch; account: ByteAccount | undefined; end: (reason: unknown) => void },
  ) {
    this.#call = call;
    this.#watch = watch;
    this.#account = account;
    this.#end = end;
    // grpc-js emits this for every finished call, answered or not.
    call.once("cancelled", () => this.#settle());
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the client has taken everything. */
  get hasNone(): boolean {
    return this.#sizes.length === 0;
  }

  /**
   * Writes a message of a stream. Resolves when the next message may be written, or when `abort`
   * aborts; undefined if that is at once.
   */
  write(message: Buffer, abort: AbortSignal): Promise<void> | undefined {
    this.#charge(message.byteLength);
    this.#call.write(message as unknown as Message, this.#onTaken);
    if (this.#bytes === 0) return undefined;
    return this.#isFull || this.#account?.hasRoom === false ? this.#drained(abort) : undefined;
  }

  /** Whether the stream's own bounds are reached; its account may be full as well. */
  get #isFull(): boolean {
    return (
      this.#bytes >= this.#watch.options.maxStreamBytes || this.#sizes.length >= maxStreamMessages
    );
  }

  /** Counts the one answer of a call, which grpc-js writes. */
  answer(message: Buffer): void {
    this.#charge(message.byteLength);
  }

  /**
   * Counts bytes of an answer that is not written yet, until they are disposed of. Call it only
   * while nothing is written.
   */
  hold(bytes: number): Disposable {
    if (this.#over) return { [Symbol.dispose]() {} };
    this.#bytes += bytes;
    this.#account?.charge(bytes);
    this.#watch.add(this);
    return {
      [Symbol.dispose]: () => {
        if (this.#over) return;
        this.#bytes -= bytes;
        this.#account?.release(bytes);
      },
    };
  }

  /**
   * Counts the time without progress: ends the call once it is too long, and resets its stream
   * after the grace.
   */
  tick(): void {
    const { graceMs, stallMs, stalled, onStalled } = this.#watch.options;
    this.#ticks++;
    const patience = ticksOfStall * Math.max(1, Math.ceil((this.#sizes[0] ?? 0) / mebibyte));
    if (this.#ticks < patience) return;
    if (!this.#ended) {
      this.#ended = true;
      onStalled();
      this.#end(stalled());
    }
    const grace = Math.ceil((graceMs * ticksOfStall) / stallMs);
    if (this.#ticks >= patience + grace)
      streamOf(this.#call)?.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #charge(bytes: number): void {
    if (this.#over) return;
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    this.#account?.charge(bytes);
    if (this.#sizes.length > 1) return;
    this.#ticks = 0;
    this.#watch.add(this);
  }

  #taken(): void {
    const bytes = this.#sizes.shift();
    if (this.#over || bytes === undefined) return;
    this.#bytes -= bytes;
    // Progress after the end does not count: the client had its time.
    if (!this.#ended) this.#ticks = 0;
    this.#account?.release(bytes);
    this.#wake();
  }

  #settle(): void {
    if (this.#over) return;
    this.#over = true;
    this.#account?.release(this.#bytes);
    this.#bytes = 0;
    this.#sizes.length = 0;
    this.#watch.remove(this);
    this.#wake();
  }

  /**
   * Waits until both the stream and its account have room; a stream with nothing unread has room.
   */
  async #drained(abort: AbortSignal): Promise<void> {
    const mayGoOn = () => this.#bytes === 0 || (!this.#isFull && this.#account?.hasRoom !== false);
    const onAbort = () => this.#wake();
    abort.addEventListener("abort", onAbort);
    try {
      while (!abort.aborted && !mayGoOn()) {
        let callOff = () => {};
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (!this.#isFull) callOff = this.#account!.onRoom(resolve);
        });
        callOff();
      }
    } finally {
      abort.removeEventListener("abort", onAbort);
    }
  }
}

/**
 * grpc-js does not expose the stream below its interceptors, and cannot reset it. undefined if a
 * version keeps it elsewhere.
 */
export function streamOf(call: unknown): ServerHttp2Stream | undefined {
  let at = (call as { call?: unknown }).call as
    | { nextCall?: unknown; stream?: ServerHttp2Stream }
    | undefined;
  while (at?.nextCall !== undefined) at = at.nextCall as typeof at;
  return at?.stream;
}
