// Requests held to their method's size as they come, and handed on as they came. grpc-js has one
// size for a whole server, decompresses and decodes a message as soon as it has come, sixteen ahead
// of the handler, and any number at once.
import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { ServerInterceptingCall, type ServerInterceptor, type StatusObject, status } from "@grpc/grpc-js";
import { ReceivedMessage } from "./definition.ts";
import { type MessageBounds, MessageTooLarge } from "./message-bounds.ts";
import { toStatusObject } from "./status.ts";

/**
 * What grpc-js's call has inside (1.14.7). server-bounds.test.ts fails where a newer one has it no
 * more.
 */
type BaseCall = {
  decoder?: { maxReadMessageLength?: number };
  decompressMessage?: (framed: Buffer, encoding: string) => unknown;
  sendStatus: (status: Partial<StatusObject>) => void;
};

export type BoundedReadingOptions = {
  boundsOf: (method: DescMethod) => MessageBounds;
  /** What a client is told of a message that is too large. */
  toError: (error: unknown, call: { method: DescMethod }) => ConnectError;
};

const headBytes = 5;

/** The interceptor next to the connection: it reads nothing and runs before anything is read. */
export function boundReading(
  methodOf: (path: string) => DescMethod | undefined,
  { boundsOf, toError }: BoundedReadingOptions,
): ServerInterceptor {
  return ({ path }, call) => {
    const method = methodOf(path);
    if (method === undefined) return new ServerInterceptingCall(call);
    const { maxBytes } = boundsOf(method);
    const base = call as unknown as BaseCall;
    const { decoder, decompressMessage, sendStatus } = base;
    if (decoder === undefined || decompressMessage === undefined)
      throw new Error(
        "this version of @grpc/grpc-js has other internals: the reading of its messages cannot be bounded",
      );
    decoder.maxReadMessageLength = maxBytes;
    base.decompressMessage = (framed, encoding) => {
      if (encoding !== "gzip" && encoding !== "deflate") return decompressMessage.call(base, framed, encoding);
      return new ReceivedMessage(framed.subarray(headBytes), encoding);
    };
    base.sendStatus = (given) => sendStatus.call(base, isOversize(given) ? refusal(maxBytes, method) : given);
    return new ServerInterceptingCall(call);
  };

  function refusal(maxBytes: number, method: DescMethod): StatusObject {
    return toStatusObject(toError(new MessageTooLarge("bytes", maxBytes), { method }));
  }
}

/**
 * What the decoder of frames says of a length that it does not take: no more than a code and a
 * text.
 */
const isOversize = ({ code, details, metadata }: Partial<StatusObject>): boolean =>
  code === status.RESOURCE_EXHAUSTED && !metadata && details?.startsWith("Received message larger") === true;
