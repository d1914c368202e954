// Extracts the messages of a gRPC call from its frames, each into its own memory, with one copy. It
// replaces grpc-js's decoder, which copies once more, and keeps views of larger reads.
import { headBytes } from "./frame.ts";

/**
 * A message whose head has arrived, but not all of the rest. bytes: its length without the head.
 */
export type Begun = { readonly bytes: number; readonly isCompressed: boolean };

export class MessageDecoder {
  readonly #maxBytes: number;
  /** How many bytes of a message have arrived, including its head; 0 between two messages. */
  #come = 0;
  #compressedFlag = 0;
  #bytes = 0;
  /**
   * The message with its head. As large as what has arrived, or up to twice that; once the message
   * has room, as large as the whole message.
   */
  #framed: Buffer | undefined;
  #begun: Begun | undefined;
  #hasRoom = false;
  #isTooLarge = false;
  #isOver = false;

  /** maxBytes: the largest message that is accepted, without its head, before decompression. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The message of which a part has arrived; a new object for each message. */
  get begun(): Begun | undefined {
    return this.#begun;
  }

  /** Whether a message has announced more bytes than allowed. */
  get isTooLarge(): boolean {
    return this.#isTooLarge;
  }

  /** Bytes that it holds of an incomplete message. */
  get keptBytes(): number {
    return this.#framed?.buffer.byteLength ?? 0;
  }

  /** Call it when there is room for all of the message that has begun. */
  grant(): void {
    this.#hasRoom = true;
  }

  /** Drops everything that arrives from now on. */
  end(): void {
    this.#isOver = true;
    this.#next();
  }

  /**
   * The messages that are then complete, each after its head. Fails if one announces too many
   * bytes.
   */
  write(data: Buffer): Buffer[] {
    const whole: Buffer[] = [];
    for (let at = 0; at < data.length && !this.#isOver; ) {
      at = this.#come < headBytes ? this.#readHead(data, at) : this.#readRest(data, at);
      if (this.#come < headBytes + this.#bytes) continue;
      // An empty message has only its head, and no buffer was made for it.
      whole.push(this.#framed ?? this.#frame(headBytes));
      this.#next();
    }
    if (this.#come >= headBytes)
      this.#begun ??= { bytes: this.#bytes, isCompressed: this.#compressedFlag === 1 };
    return whole;
  }

  #readHead(data: Buffer, from: number): number {
    let at = from;
    for (; at < data.length && this.#come < headBytes; at++, this.#come++) {
      if (this.#come === 0) this.#compressedFlag = data[at]!;
      else this.#bytes = this.#bytes * 256 + data[at]!;
    }
    if (this.#come === headBytes && this.#bytes > this.#maxBytes) {
      this.#isTooLarge = true;
      throw new Error(`the message has ${this.#bytes} bytes; at most ${this.#maxBytes} are taken`);
    }
    return at;
  }

  #readRest(data: Buffer, from: number): number {
    const end = Math.min(data.length, from + headBytes + this.#bytes - this.#come);
    const framed = this.#frame(this.#come + end - from);
    data.copy(framed, this.#come, from, end);
    this.#come += end - from;
    return end;
  }

  /** The message's buffer, with room for this many bytes. */
  #frame(neededBytes: number): Buffer {
    const before = this.#framed;
    if (before !== undefined && before.length >= neededBytes) return before;
    const allBytes = headBytes + this.#bytes;
    const doubled = Math.max(neededBytes, 2 * (before?.length ?? 0));
    const framed = Buffer.allocUnsafeSlow(this.#hasRoom ? allBytes : Math.min(allBytes, doubled));
    if (before === undefined) {
      framed[0] = this.#compressedFlag;
      framed.writeUInt32BE(this.#bytes, 1);
    } else before.copy(framed, 0, 0, this.#come);
    this.#framed = framed;
    return framed;
  }

  #next(): void {
    this.#come = 0;
    this.#bytes = 0;
    this.#framed = undefined;
    this.#begun = undefined;
    this.#hasRoom = false;
  }
}
