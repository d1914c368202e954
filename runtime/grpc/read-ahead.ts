// Limits how many bytes a call reads ahead of its reader: grpc-js counts messages, sixteen of any
// size.

/**
 * Bytes to request while earlier messages are still unread. One message may be larger, and is then
 * the only one.
 */
const aheadBytes = 64 * 1024;

export class ReadAhead {
  /** Sizes of the messages that have arrived, in order. */
  readonly #sizes: number[] = [];
  readonly #buffered: { bytes: number };
  #bytes = 0;
  #over = false;
  #asked = false;
  #ask = () => {};

  /** Also counts in `buffered`, which all calls share. */
  constructor(buffered: { bytes: number }) {
    this.#buffered = buffered;
  }

  /** Makes the call request a message only while there is room. */
  holdBack(call: { _read(size: number): void }): void {
    const read = call._read.bind(call);
    this.#ask = () => read(1);
    // The stream requests once for each message that it gets: while a request waits, no other
    // comes.
    call._read = () => {
      this.#asked = true;
      this.#pass();
    };
  }

  came(bytes: number): void {
    if (this.#over) return;
    this.#sizes.push(bytes);
    this.#count(bytes);
  }

  /** The oldest unread message was read. */
  taken(): void {
    this.#count(-(this.#sizes.shift() ?? 0));
    this.#pass();
  }

  /** The rest will not be read. */
  drop(): void {
    this.#over = true;
    this.#count(-this.#bytes);
    this.#sizes.length = 0;
  }

  #pass(): void {
    if (!this.#asked || this.#bytes >= aheadBytes) return;
    this.#asked = false;
    this.#ask();
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#buffered.bytes += bytes;
  }
}
