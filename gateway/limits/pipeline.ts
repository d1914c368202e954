// Requests of a connection of HTTP/1.1, one after the other. Node hands over every request of a
// packet at once, and a packet of 64 KiB holds thousands.
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Clients that send ahead do so by a dozen or two. */
const maxWaiting = 32;

export class Pipeline {
  /** What waits on each connection that has a request in progress. */
  readonly #waiting = new WeakMap<Socket, (() => void)[]>();
  readonly #onIdle: (socket: Socket) => void;

  /** `onIdle` hears of each connection whose last request is answered. */
  constructor(onIdle: (socket: Socket) => void) {
    this.#onIdle = onIdle;
  }

  isIdle(socket: Socket): boolean {
    return !this.#waiting.has(socket);
  }

  /**
   * Starts a request once those before it on its connection are answered; in the next round of the
   * event loop if there are none, and never if the connection ends before. Ends a connection on
   * which more than 32 wait.
   */
  take(socket: Socket, response: ServerResponse, start: () => void): void {
    // Node tells a response that it is closed only once it is its turn on the connection.
    response.once("close", () => this.#next(socket));
    const waiting = this.#waiting.get(socket);
    if (!waiting) {
      this.#waiting.set(socket, []);
      // The end of a client that has left by now is read in the next round of the event loop: its
      // request then costs no more than its headers.
      setImmediate(() => setImmediate(() => socket.writable && start()));
    } else if (waiting.length < maxWaiting) waiting.push(start);
    else socket.destroy();
  }

  #next(socket: Socket): void {
    const start = this.#waiting.get(socket)?.shift();
    if (start) {
      // Others have their turn between two requests of one connection.
      setImmediate(() => {
        if (socket.writable) start();
      });
      return;
    }
    this.#waiting.delete(socket);
    this.#onIdle(socket);
  }
}
