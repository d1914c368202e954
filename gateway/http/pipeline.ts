// Runs the requests of an HTTP/1.1 connection one after the other. Node emits every request of a
// packet at once, and a packet of 64 KiB holds thousands.
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { RequestStarts } from "./request-starts.ts";

/** Clients that pipeline send a dozen or two ahead. */
const maxWaiting = 32;

export class Pipeline {
  /** Waiting requests of each connection that has a request in progress. */
  readonly #waiting = new WeakMap<Socket, (() => void)[]>();
  readonly #onIdle: (socket: Socket) => void;
  readonly #starts: RequestStarts;

  /** `onIdle` is called for each connection whose last request is answered. */
  constructor(starts: RequestStarts, onIdle: (socket: Socket) => void) {
    this.#starts = starts;
    this.#onIdle = onIdle;
  }

  isIdle(socket: Socket): boolean {
    return !this.#waiting.has(socket);
  }

  /**
   * Starts a request in its turn, once those before it on its connection are answered, and never if
   * the connection ends before. Ends a connection on which more than 32 wait.
   */
  take(socket: Socket, response: ServerResponse, start: () => void): void {
    // Node emits "close" on a response only once it is its turn on the connection.
    response.once("close", () => this.#next(socket));
    const waiting = this.#waiting.get(socket);
    if (!waiting) {
      this.#waiting.set(socket, []);
      this.#start(socket, start);
    } else if (waiting.length < maxWaiting) waiting.push(start);
    else {
      // Bytes that were read and not yet parsed stay unparsed.
      socket.pause();
      socket.destroy();
    }
  }

  #next(socket: Socket): void {
    const start = this.#waiting.get(socket)?.shift();
    if (start) {
      this.#start(socket, start);
      return;
    }
    this.#waiting.delete(socket);
    this.#onIdle(socket);
  }

  #start(socket: Socket, start: () => void): void {
    this.#starts.take(socket, () => {
      if (socket.writable) start();
      return socket.writable;
    });
  }
}
