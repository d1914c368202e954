// Reads the answers of a call for the client that made it.
import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import { LargeAnswer, UndecodableMessage } from "./definition.ts";
import { MessageTooLarge } from "./message-limits.ts";
import type { ReadAhead } from "./read-ahead.ts";
import { fromServiceError } from "./status.ts";

/** The source of a call's requests, and what it threw. */
export type RequestSource = { failure: unknown };

type Receiving = {
  abort: AbortSignal | undefined;
  ahead: ReadAhead;
  release: () => void;
  source?: RequestSource;
};

/**
 * The header of a call and its answers. It listens at once, so that an early error has a listener.
 */
export function receive(call: ClientDuplexStream<Message, Message>, receiving: Receiving) {
  const responseHeader = new Promise<Headers>((resolve) => {
    call.once("metadata", (metadata: Metadata) => {
      const headers = new Headers();
      for (const [key, value] of Object.entries(metadata.getMap()))
        if (typeof value === "string") headers.append(key, value);
      resolve(headers);
    });
    call.once("status", () => resolve(new Headers()));
  });
  return { responseHeader, messages: iterate(call, receiving) };
}

/**
 * Reads one message at a time, when asked. Leaving the loop early cancels the call (but a Connect
 * client does not pass that on: with one, only an abort signal ends a stream early).
 */
function iterate(
  call: ClientDuplexStream<Message, Message>,
  { abort, ahead, release, source }: Receiving,
) {
  let ended = false;
  // The status comes last: only it tells a stream that ended from one that broke.
  let settled = false;
  let failure: unknown;
  let wake = () => {};
  call.on("readable", () => wake());
  call.once("end", () => {
    ended = true;
    wake();
  });
  call.once("status", () => {
    settled = true;
    release();
    // A caller that cancelled before it read anything will not read.
    if (abort?.aborted) ahead.drop();
    wake();
  });
  call.once("error", (error) => {
    failure = error;
    wake();
  });
  async function* messages(): AsyncGenerator<Message, void, undefined> {
    try {
      for (;;) {
        const message: Message | null = call.read();
        if (message !== null) ahead.taken();
        if (message instanceof UndecodableMessage) throw toAnswerError(message);
        if (message instanceof LargeAnswer) yield await decodeLarge(message);
        else if (message !== null) yield message;
        else if (failure !== undefined)
          throw toClientError(failure, source?.failure ?? abort?.reason);
        else if (ended && settled) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      release();
      ahead.drop();
      if (!settled) call.cancel();
    }
  }
  return messages();
}

async function decodeLarge(answer: LargeAnswer): Promise<Message> {
  try {
    return await answer.decode();
  } catch (cause) {
    throw toAnswerError(new UndecodableMessage(cause));
  }
}

function toAnswerError({ cause }: UndecodableMessage): ConnectError {
  const tooLarge = cause instanceof MessageTooLarge;
  const message = tooLarge
    ? `the response of the server is too large (${cause.limit} above ${cause.max}): ask for less at once`
    : "the response of the server is not valid protobuf for this method";
  const code = tooLarge ? Code.ResourceExhausted : Code.Internal;
  return new ConnectError(message, code, undefined, undefined, cause);
}

/** cause: why the call was cancelled from here, if it was. */
function toClientError(failure: unknown, cause: unknown): ConnectError {
  return cause instanceof ConnectError ? cause : fromServiceError(failure, cause);
}
