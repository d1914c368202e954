// The body of a streamed answer: writes wait for the client, and are compressed if that was
// negotiated.
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { pipeline, type Writable } from "node:stream";
import { createEncoder, type Encoding } from "../encoding/compression.ts";
import type { Reader } from "../limits/reader-deadlines.ts";

export type Body = {
  /**
   * Writes a piece. Undefined if more may be written at once; otherwise resolves when it may, and
   * rejects when `abort` aborts. `done` is called once the piece's memory may be used again.
   */
  write(piece: string | Uint8Array, done?: () => void): Promise<void> | undefined;
  /**
   * How many bytes its writer holds for it besides what it has written: those of a received
   * message.
   */
  holds(bytes: number): void;
  /** Whether the client is behind. */
  readonly full: boolean;
  readonly gone: boolean;
  /** Ends the body as complete. */
  end(): void;
  /** Ends the body as broken, which the client can distinguish from complete. */
  cut(): void;
};

/**
 * Call it after the response's head was written. `abort` fires when the client has left or does not
 * read, or when the gateway stops.
 */
export function openBody(
  response: ServerResponse,
  {
    encoding,
    abort,
    reader,
  }: { encoding: Encoding | undefined; abort: AbortSignal; reader: Reader },
): Body {
  let out: Writable = response;
  let heldBytes = 0;
  // Tracked here, because the response of HTTP/2 does not tell.
  let full = false;
  if (encoding) {
    const encoder = createEncoder(encoding);
    // An error here means that the client has left, which `abort` reports.
    pipeline(encoder, response, () => {});
    out = encoder;
  }
  return {
    write(piece, done) {
      const flowing = out.write(piece as Uint8Array, () => done?.());
      if (abort.aborted) return Promise.reject(abort.reason);
      if (flowing) return undefined;
      // The next message may also have arrived while this one is written.
      reader.waits(out.writableLength + 2 * heldBytes);
      full = true;
      return drained(out, abort).then(() => {
        full = false;
        reader.took();
      });
    },
    holds(bytes) {
      heldBytes = bytes;
    },
    get full() {
      return full;
    },
    get gone() {
      return response.destroyed;
    },
    end() {
      out.end();
      // Counts until the response is over, which its owner notices.
      reader.waits(Math.max(1, out.writableLength));
    },
    cut() {
      out.destroy();
      response.destroy(new Error("the answer broke off"));
    },
  };
}

/** Resolves when the stream takes more; rejects with the abort signal's reason when it aborts. */
async function drained(stream: Writable, abort: AbortSignal): Promise<void> {
  try {
    await once(stream, "drain", { signal: abort });
  } catch (error) {
    throw abort.aborted ? abort.reason : error;
  }
}
