// protobuf-es service descriptors as grpc-js method definitions: paths, call kinds, and messages to bytes and back.
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import { noteReceived } from "./received.ts";

/** What a request that is not valid protobuf becomes: handlers answer it with INVALID_ARGUMENT (grpc-js would say INTERNAL). */
export class UndecodableMessage {
  readonly cause: unknown;
  constructor(cause: unknown) {
    this.cause = cause;
  }
}

const sharedBytes = new WeakMap<Message, Buffer>();

/**
 * Encodes a message once for all streams that it is written to. The message must not change afterwards; its bytes live as long as it
 * does.
 */
export function shareEncoding<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): Buffer {
  const known = sharedBytes.get(message);
  if (known !== undefined) return known;
  const bytes = encode(desc, message);
  sharedBytes.set(message, bytes);
  return bytes;
}

/** A message that goes out as the given bytes, which must be one that is encoded already. Its fields are not set; do not read them. */
export function asEncoded<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> {
  const message = create(desc);
  sharedBytes.set(message, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return message;
}

function encode<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): Buffer {
  const bytes = codecs.get(desc.typeName)?.encode?.(message) ?? toBinary(desc, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Faster ways for one type of message, with the same results. decode answers undefined for what is left to the ordinary way. */
export type MessageCodec<Desc extends DescMessage> = {
  encode?: (message: MessageShape<Desc>) => Uint8Array;
  decode?: (bytes: Uint8Array) => MessageShape<Desc> | undefined;
};

const codecs = new Map<string, MessageCodec<DescMessage>>();

/** Has messages of a type encoded or decoded so on every call of this process. */
export function useCodec<Desc extends DescMessage>(desc: Desc, codec: MessageCodec<Desc>): void {
  codecs.set(desc.typeName, { ...codecs.get(desc.typeName), ...(codec as MessageCodec<DescMessage>) });
}

export function toMethodDefinition(method: DescMethod): MethodDefinition<Message, Message> {
  const serialize = (desc: DescMessage) => (message: Message) => sharedBytes.get(message) ?? encode(desc, message);
  const deserialize = (desc: DescMessage) => (bytes: Buffer) => {
    try {
      const message = codecs.get(desc.typeName)?.decode?.(bytes) ?? fromBinary(desc, bytes);
      noteReceived(message, bytes.byteLength);
      return message;
    } catch (cause) {
      return new UndecodableMessage(cause) as unknown as Message;
    }
  };
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    requestSerialize: serialize(method.input),
    requestDeserialize: deserialize(method.input),
    responseSerialize: serialize(method.output),
    responseDeserialize: deserialize(method.output),
    originalName: method.localName,
  };
}
