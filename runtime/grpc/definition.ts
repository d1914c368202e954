// Converts protobuf-es service descriptors to grpc-js method definitions: paths, call kinds, and
// messages to bytes and back.
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
import { createHiddenValue } from "../hidden-value.ts";
import { Turns } from "../turns.ts";
import { type Codecs, noCodecs } from "./codecs.ts";
import { decodeInTurns } from "./decode-in-turns.ts";
import type { Encoding as Compression } from "./decompress.ts";
import { assertCost } from "./message-cost.ts";
import type { MessageLimits } from "./message-limits.ts";
import { noteReceived } from "./received.ts";

/**
 * Stands for an answer that is not valid protobuf, or costs too much: grpc-js would not tell why.
 */
export class UndecodableMessage {
  readonly cause: unknown;
  constructor(cause: unknown) {
    this.cause = cause;
  }
}

const knownBytes = createHiddenValue<Message, Buffer>();

/**
 * A request that is sent as the given bytes, which must be an encoded request. Its fields are not
 * set; do not read them.
 */
export function asEncoded<Desc extends DescMessage>(
  desc: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  const message = create(desc);
  knownBytes.set(message, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return message;
}

/** headBytes: bytes to leave free at the front, for the caller to fill. */
export type Encoding = { codecs?: Codecs; headBytes?: number };

/** Encodes a message at once. */
export function encode<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
  { codecs = noCodecs, headBytes = 0 }: Encoding = {},
): Buffer {
  const own = codecs.get(desc.typeName)?.encode?.(message, headBytes);
  const bytes = own ?? toBinary(desc, message);
  if (own !== undefined || headBytes === 0)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const behind = Buffer.allocUnsafe(headBytes + bytes.byteLength);
  behind.set(bytes, headBytes);
  return behind;
}

export type Decoding = { limits: MessageLimits; codecs?: Codecs };

/** A request as it arrived: the handler's side decompresses and decodes it when it is its turn. */
export class ReceivedMessage {
  readonly bytes: Buffer;
  /** undefined: not compressed. */
  readonly encoding: Compression | undefined;
  /** The room that it holds (arrivals.ts). */
  readonly heldBytes: number;

  constructor(bytes: Buffer, encoding?: Compression, heldBytes = 0) {
    this.bytes = bytes;
    this.encoding = encoding;
    this.heldBytes = heldBytes;
  }
}

/**
 * Fails with MessageTooLarge before it decodes anything of a message that costs too much; with
 * another error if the message is not valid protobuf.
 */
export function decode<Desc extends DescMessage>(
  desc: Desc,
  bytes: Uint8Array,
  decoding: Decoding,
): MessageShape<Desc> {
  const message =
    decodeQuickly(desc, bytes, decoding) ?? fromBinary(desc, bytes, { readUnknownFields: false });
  noteReceived(message, bytes.byteLength);
  return message;
}

/** The same, but in turns. */
async function decodeSlowly<Desc extends DescMessage>(
  desc: Desc,
  bytes: Uint8Array,
  decoding: Decoding,
): Promise<MessageShape<Desc>> {
  const message =
    decodeQuickly(desc, bytes, decoding) ?? (await decodeInTurns(desc, bytes, new Turns()));
  noteReceived(message, bytes.byteLength);
  return message;
}

/** Undefined if there is no faster way than protobuf-es. */
function decodeQuickly<Desc extends DescMessage>(
  desc: Desc,
  bytes: Uint8Array,
  { limits, codecs = noCodecs }: Decoding,
): MessageShape<Desc> | undefined {
  assertCost(desc, bytes, limits);
  return codecs.get(desc.typeName)?.decode?.(bytes) as MessageShape<Desc> | undefined;
}

/**
 * For a server: requests arrive as ReceivedMessage, and answers are sent as frames (see frame.ts).
 */
export function toServerDefinition(method: DescMethod): MethodDefinition<Message, Message> {
  const received = (bytes: Buffer | ReceivedMessage) =>
    (bytes instanceof ReceivedMessage ? bytes : new ReceivedMessage(bytes)) as unknown as Message;
  return {
    ...shapeOf(method),
    requestDeserialize: received,
    responseSerialize: unused,
    responseDeserialize: unused,
    requestSerialize: unused,
  };
}

/** An answer that takes a while to decode: its reader decodes it in turns. */
export class LargeAnswer {
  readonly decode: () => Promise<Message>;
  constructor(decode: () => Promise<Message>) {
    this.decode = decode;
  }
}

/** Smaller answers are decoded as they arrive. */
const largeBytes = 64 * 1024;

/**
 * For a client: answers beyond the bounds arrive as UndecodableMessage, large ones as LargeAnswer.
 */
export function toClientDefinition(
  method: DescMethod,
  decoding: Decoding,
): MethodDefinition<Message, Message> {
  const deserialize = (bytes: Buffer) => {
    if (bytes.length > largeBytes)
      return new LargeAnswer(() =>
        decodeSlowly(method.output, bytes, decoding),
      ) as unknown as Message;
    try {
      return decode(method.output, bytes, decoding) as Message;
    } catch (cause) {
      return new UndecodableMessage(cause) as unknown as Message;
    }
  };
  const requestSerialize = (message: Message) =>
    knownBytes.get(message) ?? encode(method.input, message, decoding);
  return {
    ...shapeOf(method),
    requestSerialize,
    responseDeserialize: deserialize,
    requestDeserialize: unused,
    responseSerialize: unused,
  };
}

const shapeOf = (method: DescMethod) => ({
  path: `/${method.parent.typeName}/${method.name}`,
  requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
  responseStream:
    method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
  originalName: method.localName,
});

/** grpc-js's definitions serve both sides. */
const unused = (): never => {
  throw new Error("of the other side");
};
