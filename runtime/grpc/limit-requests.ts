// Limits each request to its method's size while it arrives, and passes it on undecoded. grpc-js
// has one size limit for a whole server, decompresses and decodes a message as soon as it has
// arrived, up to sixteen ahead of the handler, and any number at once.
import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type {
  Metadata,
  ServerInterceptingCall,
  ServerInterceptor,
  StatusObject,
} from "@grpc/grpc-js";
import type { Arrival, Arrivals } from "./arrivals.ts";
import type { Calling } from "./calling.ts";
import { ReceivedMessage } from "./definition.ts";
import { headBytes } from "./frame.ts";
import { letIn, type ReadingCall } from "./let-in.ts";
import { MessageDecoder } from "./message-decoder.ts";
import { type MessageLimits, MessageTooLarge } from "./message-limits.ts";
import { toStatusObject } from "./status.ts";

/**
 * Internals of grpc-js's call (1.14.7). server-limits.test.ts fails if a newer version lacks them.
 */
type BaseCall = Partial<ReadingCall> & {
  metadata?: Metadata;
  decompressMessage?: (framed: Buffer, encoding: string) => unknown;
  sendStatus: (status: Partial<StatusObject>) => void;
};

export type RequestLimitOptions = {
  limitsOf: (method: DescMethod) => MessageLimits;
  /** The error that a client gets for a message that is too large. */
  toError: (error: unknown, call: { method: DescMethod }) => ConnectError;
  /** Where large messages get room; none: they need not wait for any. */
  arrivals?: Arrivals | undefined;
  /** The caller whose share a call uses. Asked when the call is authorized. */
  callerOf: (call: Calling) => string;
};

export type LimitedRequests = {
  interceptor: ServerInterceptor;
  /** The room of the call that has this metadata. */
  arrivalOf: (metadata: Metadata) => Arrival | undefined;
};

/** The interceptor next to the connection: it reads nothing, and runs before anything is read. */
export function limitRequests(
  methodOf: (path: string) => DescMethod | undefined,
  { limitsOf, toError, arrivals, callerOf }: RequestLimitOptions,
): LimitedRequests {
  const byMetadata = new WeakMap<Metadata, Arrival>();
  const interceptor: ServerInterceptor = ({ path }, call) => {
    // Return the call itself: grpc-js needs no more, and a wrapper would cost a microsecond per
    // message.
    const same = call as ServerInterceptingCall;
    const method = methodOf(path);
    if (method === undefined) return same;
    const { maxBytes, maxDecompressedBytes = maxBytes } = limitsOf(method);
    const base = call as unknown as BaseCall;
    const { decompressMessage, sendStatus, metadata } = base;
    if (
      base.decoder?.write === undefined ||
      decompressMessage === undefined ||
      metadata === undefined
    )
      throw new Error(
        "this version of @grpc/grpc-js has different internals: Millrace cannot limit how it reads messages",
      );
    const decoder = new MessageDecoder(maxBytes);
    base.decoder = decoder;
    const arrival = arrivals?.open(
      () => callerOf(call as unknown as Calling),
      (reason) => {
        base.sendStatus(toStatusObject(toError(reason, { method })));
        // Otherwise the client continues to send although nothing reads.
        base.stream!.close();
      },
    );
    if (arrival) byMetadata.set(metadata, arrival);
    const letting =
      arrival &&
      letIn(base as ReadingCall, { decoder, arrival, unpackedBytes: maxDecompressedBytes });
    base.decompressMessage = (framed, encoding) => {
      const held = letting?.takeGranted() ?? 0;
      if (encoding === "identity")
        return new ReceivedMessage(framed.subarray(headBytes), undefined, held);
      if (encoding === "gzip" || encoding === "deflate")
        return new ReceivedMessage(framed.subarray(headBytes), encoding, held);
      return decompressMessage.call(base, framed, encoding);
    };
    base.sendStatus = (given) => {
      sendStatus.call(base, decoder.isTooLarge ? refusal(maxBytes, method) : given);
      arrival?.end();
      decoder.end();
    };
    return same;
  };
  return { interceptor, arrivalOf: (metadata) => byMetadata.get(metadata) };

  function refusal(maxBytes: number, method: DescMethod): StatusObject {
    return toStatusObject(toError(new MessageTooLarge("bytes", maxBytes), { method }));
  }
}
