// Stops and continues reading a connection that HTTP's own reader has taken over: pausing its
// socket does nothing then, or is undone by whoever reads a body.
import type { Socket } from "node:net";

/**
 * What a socket has inside (Node 24); null once it is closed. http2-pieces.test.ts fails where a
 * newer one has it no more.
 */
type Inside = {
  readonly _handle?: {
    /** What others want. */
    reading: boolean;
    readStop(): void;
    readStart(): void;
  } | null;
};

/** What has been read already still comes. */
export function stopReading(socket: Socket): void {
  (socket as unknown as Inside)._handle?.readStop();
}

/** Continues after stopReading(), unless somebody else has stopped it meanwhile. */
export function continueReading(socket: Socket): void {
  const handle = (socket as unknown as Inside)._handle;
  if (handle?.reading) handle.readStart();
}
