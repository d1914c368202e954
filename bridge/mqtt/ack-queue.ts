// Puts acknowledgements in the order of their messages, as MQTT asks for. Of one connection.

type Waiting = { readonly messageId: number; done: boolean };

export class AckQueue {
  readonly #waiting: Waiting[] = [];
  readonly #send: (messageId: number) => void;

  /** `send` is called for each message once, in the order of `add`. */
  constructor(send: (messageId: number) => void) {
    this.#send = send;
  }

  /** Messages that are not acknowledged. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Notes a message; the result acknowledges it, as soon as those before it are acknowledged. */
  add(messageId: number): () => void {
    const mine: Waiting = { messageId, done: false };
    this.#waiting.push(mine);
    return () => {
      mine.done = true;
      while (this.#waiting[0]?.done === true) this.#send(this.#waiting.shift()!.messageId);
    };
  }
}
