// Puts acknowledgements in the order of their messages, as MQTT asks for. Of one connection.

type Waiting = { readonly messageId: number; onSent: (() => void) | undefined };

/** Acknowledges a message; `onSent` is called when that is sent, which may be never. */
export type Ack = (onSent: () => void) => void;

export class AckQueue {
  readonly #waiting: Waiting[] = [];
  readonly #send: (messageId: number) => boolean;

  /**
   * `send` is called for each message once, in the order of `add`. It returns whether it could
   * send.
   */
  constructor(send: (messageId: number) => boolean) {
    this.#send = send;
  }

  /** Notes a message; the result acknowledges it, as soon as those before it are acknowledged. */
  add(messageId: number): Ack {
    const mine: Waiting = { messageId, onSent: undefined };
    this.#waiting.push(mine);
    return (onSent) => {
      mine.onSent = onSent;
      for (;;) {
        const first = this.#waiting[0];
        if (first?.onSent === undefined) return;
        this.#waiting.shift();
        if (this.#send(first.messageId)) first.onSent();
      }
    };
  }
}
