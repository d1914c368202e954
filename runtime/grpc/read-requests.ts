// Turns requests into what handlers get: decompressed and decoded when it is their turn, with room
// for their memory.
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { type Arrival, smallBytes } from "./arrivals.ts";
import type { Codecs } from "./codecs.ts";
import { decompress, type InTurn } from "./decompress.ts";
import { decode, type ReceivedMessage } from "./definition.ts";
import { type MessageLimits, MessageTooLarge } from "./message-limits.ts";
import { ReadAhead } from "./read-ahead.ts";

export type Reading = {
  desc: DescMessage;
  limits: MessageLimits;
  codecs: Codecs | undefined;
  inTurn: InTurn;
  arrival: Arrival | undefined;
};

/** Returns a promise only if the request is compressed or must wait for room, which is rare. */
export function readMessage(received: Message, reading: Reading): Message | Promise<Message> {
  const { bytes, encoding, heldBytes } = received as unknown as ReceivedMessage;
  const { limits, arrival } = reading;
  if (bytes.length > limits.maxBytes) throw new MessageTooLarge("bytes", limits.maxBytes);
  if (encoding !== undefined) return unpack(received as unknown as ReceivedMessage, reading);
  const wantedBytes = heldBytes === 0 && bytes.length > smallBytes ? bytes.length : 0;
  if (arrival === undefined || wantedBytes === 0) {
    arrival?.handOver(heldBytes);
    return readDecompressed(bytes, reading);
  }
  return arrival.take(wantedBytes).then(() => {
    arrival.handOver(wantedBytes);
    return readDecompressed(bytes, reading);
  });
}

/** Takes room for the largest possible result, and keeps only what it needs. */
async function unpack(
  { bytes, encoding, heldBytes }: ReceivedMessage,
  reading: Reading,
): Promise<Message> {
  const { limits, inTurn, arrival } = reading;
  const { maxBytes, maxDecompressedBytes = maxBytes } = limits;
  let held = heldBytes;
  if (arrival && held === 0 && maxDecompressedBytes > smallBytes) {
    held = maxDecompressedBytes;
    await arrival.take(held);
  }
  const whole = await inTurn(() => decompress(encoding!, bytes, maxDecompressedBytes)).catch(
    (cause) => {
      arrival?.give(held);
      throw cause instanceof MessageTooLarge
        ? cause
        : invalid("the message cannot be decompressed", cause);
    },
  );
  const needed = Math.min(held, whole.length);
  arrival?.give(held - needed);
  arrival?.handOver(needed);
  return readDecompressed(whole, reading);
}

function readDecompressed(bytes: Buffer, { desc, limits, codecs }: Reading): Message {
  try {
    return decode(desc, bytes, codecs === undefined ? { limits } : { limits, codecs });
  } catch (cause) {
    if (cause instanceof MessageTooLarge) throw cause;
    throw invalid("the message is not valid protobuf for this method", cause);
  }
}

const invalid = (message: string, cause: unknown) =>
  new ConnectError(message, Code.InvalidArgument, undefined, undefined, cause);

/**
 * The reason of a call's abort signal once the handler has finished: anything that it started must
 * stop waiting.
 */
export const ended = new ConnectError("the call has ended", Code.Canceled);

/**
 * The messages of a request stream; throws the abort signal's reason when it is aborted. Reads one
 * only when asked, so a handler that waits holds the client back. It uses read() instead of
 * iterating the call: on Node 26 an iteration never ends while the call's writable side is open.
 */
export async function* readMessages(
  call: ServerDuplexStream<Message, Message>,
  abort: AbortSignal,
  reading: Reading,
): AsyncGenerator<Message, void, undefined> {
  let complete = false;
  let failure: unknown;
  let wake = () => {};
  const onWake = () => wake();
  const onEnd = () => {
    complete = true;
    wake();
  };
  const onError = (error: unknown) => {
    failure = error;
    wake();
  };
  const { arrival } = reading;
  const ahead = new ReadAhead({ bytes: 0 });
  ahead.holdBack(call);
  const push = call.push.bind(call);
  call.push = (message: Message | null) => {
    if (message !== null) ahead.came((message as unknown as ReceivedMessage).bytes.length);
    return push(message);
  };
  call.on("readable", onWake).once("end", onEnd).once("error", onError);
  abort.addEventListener("abort", onWake);
  try {
    for (;;) {
      if (abort.reason === ended) return;
      abort.throwIfAborted();
      const message: Message | null = call.read();
      if (message !== null) {
        ahead.taken();
        using _message = arrival?.atHandler;
        const read = readMessage(message, reading);
        yield read instanceof Promise ? await read : read;
      } else if (failure !== undefined) throw failure;
      else if (complete) {
        // A call that is reset looks complete first, and is cancelled a moment later.
        await new Promise((resolve) => setImmediate(resolve));
        if (abort.reason !== ended) abort.throwIfAborted();
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    ahead.drop();
    abort.removeEventListener("abort", onWake);
    call.off("readable", onWake).off("end", onEnd).off("error", onError);
  }
}
