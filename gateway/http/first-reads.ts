// Parses large first reads of new connections one after the other. Node parses a read at once: 64
// KiB hold 1,500 requests of HTTP/1.1 or 1,000 streams, which takes some 50 ms.
import type { Socket } from "node:net";

/** A small first read is parsed at once. */
const smallBytes = 4 * 1024;

export type FirstReadsOptions = {
  /** Milliseconds that only go forward. */
  monotonicMs?: () => number;
  /** Runs something later. Default: setTimeout(). */
  after?: (run: () => void, delayMs: number) => unknown;
};

export class FirstReads {
  /** Addresses with waiting connections, the next one first. */
  readonly #waiting = new Map<string, { socket: Socket; start: () => void }[]>();
  readonly #monotonicMs: () => number;
  readonly #after: (run: () => void, delayMs: number) => unknown;
  #busy = false;

  constructor({
    monotonicMs = () => performance.now(),
    after = (run, delayMs) => setTimeout(run, delayMs).unref(),
  }: FirstReadsOptions = {}) {
    this.#monotonicMs = monotonicMs;
    this.#after = after;
  }

  /**
   * Starts a connection that has sent `bytes`: at once, or when it is its address's turn. Between
   * two of them, other work gets as much time as the first one took. If the connection is closed by
   * then, it is not started.
   */
  take(socket: Socket, bytes: number, start: () => void): void {
    if (bytes <= smallBytes) {
      start();
      return;
    }
    const address = socket.remoteAddress ?? "";
    const own = this.#waiting.get(address);
    if (own) own.push({ socket, start });
    else this.#waiting.set(address, [{ socket, start }]);
    if (!this.#busy) this.#next();
  }

  #next(): void {
    this.#busy = false;
    for (const [address, own] of this.#waiting) {
      // If the address has more, it goes behind the others.
      this.#waiting.delete(address);
      let next = own.shift();
      while (next?.socket.destroyed) next = own.shift();
      if (own.length > 0) this.#waiting.set(address, own);
      if (next === undefined) continue;
      this.#busy = true;
      const startedMs = this.#monotonicMs();
      next.start();
      // Its bytes are parsed before the round of the event loop ends.
      setImmediate(() => this.#after(() => this.#next(), this.#monotonicMs() - startedMs));
      return;
    }
  }
}
