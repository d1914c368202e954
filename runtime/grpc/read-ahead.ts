// How far a call reads ahead of whoever reads it, in bytes: grpc-js counts messages, sixteen of
// them, of any size.

/**
 * What is asked for although something waits to be read. One message may be larger, and is then the
 * only one.
 */
const aheadBytes = 64 * 1024;

export class ReadAhead {
  /** Of the messages that have come, in their order. */
  readonly #sizes: number[] = [];
  readonly #buffered: { bytes: number };
  #bytes = 0;
  #over = false;
  #asked = false;
  #ask = () => {};

  /** Counts in `buffered` too, for all calls together. */
  constructor(buffered: { bytes: number }) {
    this.#buffered = buffered;
  }

  /** Has the call ask for a message only while there is room. */
  holdBack(call: { _read(size: number): void }): void {
    const read = call._read.bind(call);
    this.#ask = () => read(1);
    // The stream asks once for each message that it gets: a question that waits is the last until
    // it is passed on.
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

  /** The first that came was read. */
  taken(): void {
    this.#count(-(this.#sizes.shift() ?? 0));
    this.#pass();
  }

  /** Nobody reads the rest. */
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
