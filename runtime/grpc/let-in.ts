// Large messages of a grpc-js call wait for room as soon as their length has come, and very small
// ones are counted. grpc-js itself keeps what comes of each, of any number of calls, for as long as
// the rest takes.
import type { ServerHttp2Stream } from "node:http2";
import { type Arrival, smallBytes } from "./arrivals.ts";
import { headBytes } from "./frame.ts";
import type { Begun, MessageDecoder } from "./message-decoder.ts";

/**
 * What grpc-js's call has inside (1.14.7). arrivals.test.ts fails where a newer one has it no more.
 */
export type ReadingCall = {
  readonly stream: ServerHttp2Stream;
  /** Answers the messages that are whole then, each behind its head. */
  decoder: { write(data: Buffer): Buffer[] };
  handleDataFrame(data: Buffer): void;
};

type Letting = {
  decoder: MessageDecoder;
  arrival: Arrival;
  /** What a compressed message may become. */
  unpackedBytes: number;
};

/**
 * Answers what tells how many bytes of room the message has that was completed last: 0 if it needed
 * none, or came in one piece.
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
    // grpc-js reads on as soon as it wants more, and knows nothing of room.
    stream.resume = () => {
      wanted = true;
      return stream;
    };
    const goOn = () => {
      // What is below is the stream's own again.
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
    /** Of a message that is complete now. */
    takeGranted(): number {
      const own = granted;
      granted = 0;
      if (own > 0) arrival.complete();
      return own;
    },
  };
}
