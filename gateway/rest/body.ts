// The body of a streamed answer: what is written waits for the client, and is compressed on the way where that was agreed.
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { pipeline, type Writable } from "node:stream";
import { createEncoder, type Encoding } from "./compression.ts";

export type Body = {
  /**
   * Takes a piece. Undefined if more is welcome at once; otherwise resolves when it is, and rejects when `signal` aborts. `done` is called
   * once the piece's memory may be used again.
   */
  write(piece: string | Uint8Array, done?: () => void): Promise<void> | undefined;
  /** Whether the client is behind. */
  readonly full: boolean;
  readonly gone: boolean;
  /** Ends it as complete. */
  end(): void;
  /** Ends it as broken, which the client can tell from complete. */
  cut(): void;
};

/** After the response's head was written. `signal` aborts when the client has gone or the gateway stops. */
export function openBody(
  response: ServerResponse,
  { encoding, signal }: { encoding: Encoding | undefined; signal: AbortSignal },
): Body {
  let out: Writable = response;
  if (encoding) {
    const encoder = createEncoder(encoding);
    // What goes wrong on the way is the client's going, which `signal` tells.
    pipeline(encoder, response, () => {});
    out = encoder;
  }
  return {
    write(piece, done) {
      const flowing = out.write(piece as Uint8Array, () => done?.());
      if (signal.aborted) return Promise.reject(signal.reason);
      return flowing ? undefined : drained(out, signal);
    },
    get full() {
      return out.writableNeedDrain;
    },
    get gone() {
      return response.destroyed;
    },
    end: () => void out.end(),
    cut() {
      out.destroy();
      response.destroy(new Error("the answer broke off"));
    },
  };
}

/** Resolves when the stream takes more; rejects with the signal's reason when it aborts. */
async function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  try {
    await once(stream, "drain", { signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}
