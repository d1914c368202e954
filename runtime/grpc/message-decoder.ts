// Takes the messages of a gRPC call out of its frames, each into memory of its own, with one copy.
// In place of grpc-js's decoder, which copies once more, and keeps views of what was read together.
import { headBytes } from "./frame.ts";

/** A message whose head has come, and not yet all of the rest. bytes: without its head. */
export type Begun = { readonly bytes: number; readonly isCompressed: boolean };

export class MessageDecoder {
  readonly #maxBytes: number;
  /** How much has come of a message, head included; 0 between two. */
  #come = 0;
  #compressedFlag = 0;
  #bytes = 0;
  /**
   * With the head. As large as what has come, or up to twice that; once the message has room, as
   * large as all of it.
   */
  #framed: Buffer | undefined;
  #begun: Begun | undefined;
  #hasRoom = false;
  #isTooLarge = false;
  #isOver = false;

  /** maxBytes: the largest message that is taken, without its head, before it is decompressed. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The message of which a part has come; another object for each. */
  get begun(): Begun | undefined {
    return this.#begun;
  }

  /** Whether a message has announced more than there may be. */
  get isTooLarge(): boolean {
    return this.#isTooLarge;
  }

  /** What it holds of a message that is not whole. */
  get keptBytes(): number {
    return this.#framed?.buffer.byteLength ?? 0;
  }

  /** There is room for all of the message that has begun. */
  grant(): void {
    this.#hasRoom = true;
  }

  /** Nobody will have what comes from now on. */
  end(): void {
    this.#isOver = true;
    this.#next();
  }

  /** The messages that are whole then, each behind its head. Fails if one announces too much. */
  write(data: Buffer): Buffer[] {
    const whole: Buffer[] = [];
    for (let at = 0; at < data.length && !this.#isOver; ) {
      at = this.#come < headBytes ? this.#readHead(data, at) : this.#readRest(data, at);
      if (this.#come < headBytes + this.#bytes) continue;
      // Without a byte after its head, nothing has been made of it.
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

  /** With room for so much. */
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
