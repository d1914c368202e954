// Remembers the messages that were stored or are being stored, until their ids are used again: one
// that the broker sends a second time need not be stored a second time.
import { createHash } from "node:crypto";

type Known = { readonly digest: string; readonly stored: Promise<void> };

/** Of one session of a broker, which keeps the id of a message when it sends it again. */
export class Redeliveries {
  readonly #byId = new Map<number, Known>();
  readonly #max: number;

  /** `max`: messages to remember, at least as many as the broker sends unacknowledged. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The same message; undefined if it is not known, or the broker says that it is new. */
  find(message: {
    id: number;
    redelivered: boolean;
    topic: string;
    payload: Uint8Array;
  }): Promise<void> | undefined {
    const known = this.#byId.get(message.id);
    if (known === undefined || !message.redelivered) return undefined;
    return known.digest === digestOf(message) ? known.stored : undefined;
  }

  /** Remembers a message; the oldest is forgotten if there are too many. */
  add(message: { id: number; topic: string; payload: Uint8Array }, stored: Promise<void>): void {
    this.#byId.delete(message.id);
    this.#byId.set(message.id, { digest: digestOf(message), stored });
    if (this.#byId.size > this.#max) this.#byId.delete(this.#byId.keys().next().value!);
  }

  /** The broker has begun another session: ids mean other messages. */
  clear(): void {
    this.#byId.clear();
  }
}

const digestOf = ({ topic, payload }: { topic: string; payload: Uint8Array }): string =>
  createHash("sha1").update(`${topic}\0`).update(payload).digest("base64");
