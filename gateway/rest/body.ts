// The body of a streamed answer: what is written waits for the client, and is compressed on the way
// where that was agreed.
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { pipeline, type Writable } from "node:stream";
import { createEncoder, type Encoding } from "../encoding/compression.ts";
import type { Reader } from "../limits/read-clock.ts";

export type Body = {
  /**
   * Takes a piece. Undefined if more is welcome at once; otherwise resolves when it is, and rejects
   * when `signal` aborts. `done` is called once the piece's memory may be used again.
   */
  write(piece: string | Uint8Array, done?: () => void): Promise<void> | undefined;
  /**
   * How much its writer holds for it beside what it has written: bytes of a message that came in.
   */
  holds(bytes: number): void;
  /** Whether the client is behind. */
  readonly full: boolean;
  readonly gone: boolean;
  /** Ends it as complete. */
  end(): void;
  /** Ends it as broken, which the client can tell from complete. */
  cut(): void;
};

/**
 * After the response's head was written. `abort` fires when the client has gone, does not read,
 * or the gateway stops.
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
  // Not asked of the response: that of HTTP/2 does not tell.
  let full = false;
  if (encoding) {
    const encoder = createEncoder(encoding);
    // What goes wrong on the way is the client's going, which `signal` tells.
    pipeline(encoder, response, () => {});
    out = encoder;
  }
  return {
    write(piece, done) {
      const flowing = out.write(piece as Uint8Array, () => done?.());
      if (abort.aborted) return Promise.reject(abort.reason);
      if (flowing) return undefined;
      // The next message has come as well while this one is written.
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
      // Until the response is over, which its owner hears of.
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
