// Requests held to their method's size as they come, and handed on as they came. grpc-js has one
// size for a whole server, decompresses and decodes a message as soon as it has come, sixteen ahead
// of the handler, and any number at once.
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
 * What grpc-js's call has inside (1.14.7). server-limits.test.ts fails where a newer one has it no
 * more.
 */
type BaseCall = Partial<ReadingCall> & {
  metadata?: Metadata;
  decompressMessage?: (framed: Buffer, encoding: string) => unknown;
  sendStatus: (status: Partial<StatusObject>) => void;
};

export type BoundedReadingOptions = {
  limitsOf: (method: DescMethod) => MessageLimits;
  /** What a client is told of a message that is too large. */
  toError: (error: unknown, call: { method: DescMethod }) => ConnectError;
  /** Where large messages take room; none: they take what they like. */
  arrivals?: Arrivals | undefined;
  /** Whose room a call takes. Asked when the call is authorized. */
  callerOf: (call: Calling) => string;
};

export type BoundedReading = {
  interceptor: ServerInterceptor;
  /** What the call takes whose metadata this is. */
  arrivalOf: (metadata: Metadata) => Arrival | undefined;
};

/** The interceptor next to the connection: it reads nothing and runs before anything is read. */
export function boundReading(
  methodOf: (path: string) => DescMethod | undefined,
  { limitsOf, toError, arrivals, callerOf }: BoundedReadingOptions,
): BoundedReading {
  const byMetadata = new WeakMap<Metadata, Arrival>();
  const interceptor: ServerInterceptor = ({ path }, call) => {
    // As it is: grpc-js asks for no more, and one around it would take a microsecond a message.
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
        // The client goes on sending to nobody.
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
