// Stops and continues reading a connection that Node's HTTP reader has taken over: pausing its
// socket then has no effect, or is undone when a body is read.
import type { Socket } from "node:net";

/**
 * Internals of a socket (Node 24); null once it is closed. http2-pieces.test.ts fails if a newer
 * version lacks them.
 */
type Inside = {
  readonly _handle?: {
    /** Whether other code wants it to be read. */
    reading: boolean;
    readStop(): void;
    readStart(): void;
  } | null;
};

/** Bytes that are already read still arrive. */
export function stopReading(socket: Socket): void {
  (socket as unknown as Inside)._handle?.readStop();
}

/** Continues after stopReading(), unless other code has stopped it meanwhile. */
export function continueReading(socket: Socket): void {
  const handle = (socket as unknown as Inside)._handle;
  if (handle?.reading) handle.readStart();
}
