// Large messages of a grpc-js call wait for room as soon as their length has come, and very small
// ones are counted. grpc-js itself keeps what comes of each, of any number of calls, for as long as
// the rest takes.
import type { ServerHttp2Stream } from "node:http2";
import { joinSmall } from "../own-bytes.ts";
import { type Arrival, smallBytes } from "./arrivals.ts";

/**
 * What grpc-js's call has inside (1.14.7). arrivals.test.ts fails where a newer one has it no more.
 */
export type ReadingCall = {
  readonly stream: ServerHttp2Stream;
  readonly decoder: {
    /** 0: between messages; 2: within one. */
    readonly readState: number;
    readonly readCompressFlag: Uint8Array;
    readonly readMessageSize: number;
    /** Another array for each message. */
    readPartialMessage: Uint8Array[];
    /** Answers the messages that are complete then, each behind its head. */
    write(data: Buffer): Buffer[];
  };
  handleDataFrame(data: Buffer): void;
};

const betweenMessages = 0;
const withinMessage = 2;
const headBytes = 5;

/**
 * Answers what tells how many bytes of room the message has that was completed last: 0 if it needed
 * none, or came in one piece. unpackedBytes: what a compressed message may become.
 */
export function letIn(call: ReadingCall, { arrival, unpackedBytes }: { arrival: Arrival; unpackedBytes: number }) {
  const { stream, decoder } = call;
  const { handleDataFrame } = call;
  const { write } = decoder;
  let current: Uint8Array[] | undefined;
  let granted = 0;
  call.handleDataFrame = (data) => {
    handleDataFrame.call(call, data);
    arrival.came(data.length);
    const { readState, readMessageSize, readPartialMessage, readCompressFlag } = decoder;
    joinSmall(readPartialMessage);
    if (readState !== withinMessage || readMessageSize <= smallBytes || readPartialMessage === current) return;
    current = readPartialMessage;
    if (!arrival.isOver) wait(readMessageSize + (readCompressFlag[0] === 1 ? unpackedBytes : 0));
  };
  decoder.write = (data) => {
    const messages = write.call(decoder, data);
    // It would keep the pieces of a whole message until the next one begins.
    if (decoder.readState === betweenMessages) decoder.readPartialMessage = [];
    for (const message of messages) arrival.cameMessage(message.length - headBytes);
    return arrival.isOver ? [] : messages;
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
    /** Nobody will have what has come of a message. */
    forget(): void {
      decoder.readPartialMessage = [];
    },
  };
}
