// Keeps the messages that give no record, or not all that they should: a JSON line each, with topic
// and reason.
import { createRecordFile } from "../../client/spool/record-file.ts";
import type { Log } from "../../runtime/log.ts";

export type MessageLetters = AsyncDisposable & {
  readonly count: number;
  /** Resolves when the letter is on disk, or cannot be written. Never rejects. */
  write(letter: {
    topic: string;
    payload: Uint8Array;
    receivedUs: number;
    faults: readonly string[];
  }): Promise<void>;
};

/** Bytes of a payload that a letter keeps. */
const maxKept = 4096;
const maxReasons = 10;
/** Letters that are logged one by one. */
const maxLogged = 100;

/** The file becomes PATH.1 at 64 MiB, in place of an older one. */
export function createMessageLetters({ path, log }: { path: string; log: Log }): MessageLetters {
  const file = createRecordFile({ path, maxBytes: 64 * 2 ** 20 });
  let count = 0;
  let waiting: object[] = [];
  let writing: Promise<void> | undefined;

  /** Letters that come while others are being written share the next sync. */
  async function writeWaiting(): Promise<void> {
    await writing;
    const letters = waiting;
    waiting = [];
    // Another call has taken these letters.
    if (letters.length === 0) return writing;
    writing = file.append(letters, { durably: true }).catch((error: unknown) => {
      log.error("cannot write dead letters", { path, letters: letters.length, error });
    });
    await writing;
  }

  return {
    get count() {
      return count;
    },
    async write({ topic, payload, receivedUs, faults }) {
      count++;
      if (count <= maxLogged)
        log.warn(`message of ${topic.slice(0, 200)} is a dead letter: ${faults[0]}`);
      if (count === maxLogged) log.warn("further dead letters are only counted", { path });
      waiting.push({
        topic: topic.slice(0, maxKept),
        received: new Date(receivedUs / 1000).toISOString(),
        reasons: faults.slice(0, maxReasons),
        ...(faults.length > maxReasons ? { reasonsInAll: faults.length } : {}),
        ...payloadOf(payload),
      });
      await writeWaiting();
    },
    async [Symbol.asyncDispose]() {
      await writeWaiting();
      await file[Symbol.asyncDispose]();
    },
  };
}

/** As text if it is one, otherwise in base64. */
function payloadOf(payload: Uint8Array) {
  const kept = payload.subarray(0, maxKept);
  const cut = payload.length > maxKept ? { bytes: payload.length } : {};
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(kept, {
      stream: payload.length > maxKept,
    });
    return { payload: text, ...cut };
  } catch {
    return { payloadBase64: Buffer.from(kept).toString("base64"), ...cut };
  }
}
