// Remembers the messages that were stored or are being stored, until their ids are used again: one
// that the broker sends a second time need not be stored a second time.
import { createHash } from "node:crypto";

type Known = { readonly digest: string; readonly stored: Promise<void>; acked: boolean };

type Message = { readonly id: number; readonly topic: string; readonly payload: Uint8Array };

/** Of one session of a broker, which keeps the id of a message when it sends it again. */
export class Redeliveries {
  readonly #byId = new Map<number, Known>();
  readonly #max: number;

  /** `max`: messages to remember, at least as many as the broker sends unacknowledged. */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * When the same message was stored; undefined if it is not known. A message is the same if its
   * id, topic and payload are, and the broker says so, or cannot mean another one: not all brokers
   * say it, and none may use an id again that was not acknowledged.
   */
  find(message: Message, { redelivered }: { redelivered: boolean }): Promise<void> | undefined {
    const known = this.#byId.get(message.id);
    if (known === undefined || (known.acked && !redelivered)) return undefined;
    return known.digest === digestOf(message) ? known.stored : undefined;
  }

  /** Remembers a message; the oldest is forgotten if there are too many. */
  add(message: Message, stored: Promise<void>): void {
    this.#byId.delete(message.id);
    this.#byId.set(message.id, { digest: digestOf(message), stored, acked: false });
    if (this.#byId.size > this.#max) this.#byId.delete(this.#byId.keys().next().value!);
  }

  /** Its acknowledgement was sent, though it may not have arrived. */
  acked(id: number): void {
    const known = this.#byId.get(id);
    if (known !== undefined) known.acked = true;
  }

  /** The broker has begun another session: ids mean other messages. */
  clear(): void {
    this.#byId.clear();
  }
}

const digestOf = ({ topic, payload }: Message): string =>
  createHash("sha1").update(`${topic}\0`).update(payload).digest("base64");
