// Reports how a client reads to its deadlines, for answers that other code writes.
import type { ServerResponse } from "node:http";
import { onceEnded } from "../http/response-end.ts";
import type { Reader } from "./reader-deadlines.ts";

/**
 * Yields the same pieces. A writer that requests the next piece has written the one before and
 * waited until the client took it.
 */
export async function* readAlong(
  pieces: AsyncIterable<Uint8Array>,
  { reader, slow }: { reader: Reader; slow: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  let last = 0;
  for await (const piece of pieces) {
    last = piece.length;
    reader.waits(last);
    yield piece;
    reader.took();
    // The answer was ended meanwhile: nothing more may be written.
    slow.throwIfAborted();
  }
  reader.waits(last);
}

/** For an answer that is sent as a whole: it waits until the connection has taken all of it. */
export function readWhole(response: ServerResponse, bytes: number, reader: Reader): void {
  const done = () => reader[Symbol.dispose]();
  reader.waits(bytes);
  response.once("finish", done);
  onceEnded(response, done);
}
