// Makes large messages of a grpc-js call wait for room as soon as their length has arrived, and
// counts very small ones. grpc-js itself keeps the parts of each message, for any number of calls,
// however long the rest takes.
import type { ServerHttp2Stream } from "node:http2";
import { type Arrival, smallBytes } from "./arrivals.ts";
import { headBytes } from "./frame.ts";
import type { Begun, MessageDecoder } from "./message-decoder.ts";

/** Internals of grpc-js's call (1.14.7). arrivals.test.ts fails if a newer version lacks them. */
export type ReadingCall = {
  readonly stream: ServerHttp2Stream;
  /** Returns the messages that are then complete, each after its head. */
  decoder: { write(data: Buffer): Buffer[] };
  handleDataFrame(data: Buffer): void;
};

type Letting = {
  decoder: MessageDecoder;
  arrival: Arrival;
  /** Most bytes of a message once it is decompressed. */
  unpackedBytes: number;
};

/**
 * Returns an object that tells how many bytes of room the last completed message has: 0 if it
 * needed none, or arrived in one piece.
 */
export function letIn(call: ReadingCall, { decoder, arrival, unpackedBytes }: Letting) {
  const { stream } = call;
  const { handleDataFrame } = call;
  let current: Begun | undefined;
  let granted = 0;
  call.handleDataFrame = (data) => {
    handleDataFrame.call(call, data);
    arrival.came(data.length);
    const { begun } = decoder;
    if (begun === undefined || begun === current || begun.bytes <= smallBytes) return;
    current = begun;
    if (!arrival.isOver) wait(begun.bytes + (begun.isCompressed ? unpackedBytes : 0));
  };
  call.decoder = {
    write(data) {
      const messages = decoder.write(data);
      for (const message of messages) arrival.cameMessage(message.length - headBytes);
      return arrival.isOver ? [] : messages;
    },
  };
  stream.once("close", () => arrival.end());

  function wait(bytes: number): void {
    let wanted = !stream.isPaused();
    stream.pause();
    // grpc-js continues to read as soon as it wants more, and does not know about room.
    stream.resume = () => {
      wanted = true;
      return stream;
    };
    const goOn = () => {
      // This restores the stream's own method.
      delete (stream as { resume?: unknown }).resume;
      if (wanted) stream.resume();
    };
    arrival.take(bytes).then(() => {
      granted = bytes;
      decoder.grant();
      arrival.begin();
      goOn();
    }, goOn);
  }

  return {
    /** The room of the message that is now complete. */
    takeGranted(): number {
      const own = granted;
      granted = 0;
      if (own > 0) arrival.complete();
      return own;
    },
  };
}
