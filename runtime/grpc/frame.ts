// Answers as they are sent on a connection: each after its head, built once. grpc-js would copy
// each message to add the head, and again for every stream that it goes to. Format:
// Length-Prefixed-Message in https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
import type { DescMessage, Message, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { ServerInterceptingCall, ServerInterceptor } from "@grpc/grpc-js";
import { createHiddenValue } from "../hidden-value.ts";
import { Turns } from "../turns.ts";
import { type Codecs, noCodecs } from "./codecs.ts";
import { encode } from "./definition.ts";
import { encodeInTurns, isLarge } from "./encode-in-turns.ts";
import type { Fields } from "./message-weight.ts";

/** Before each message: whether it is compressed (1 byte), its length (4 bytes, big-endian). */
export const headBytes = 5;

/** Encodes a frame at once. */
export const toFrame = <Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
  codecs: Codecs = noCodecs,
): Buffer => writeHead(encode(desc, message, { codecs, headBytes }));

/** Encodes a frame in turns, as encodeInTurns does. */
export const toFrameInTurns = async <Desc extends DescMessage>(
  desc: Desc,
  init: MessageInitShape<Desc>,
  { turns, codecs = noCodecs }: { turns: Pick<Turns, "pause">; codecs?: Codecs },
): Promise<Buffer> => writeHead(await encodeInTurns(desc, init, { turns, codecs, headBytes }));

/** Writes the head before an uncompressed message; the frame must have headBytes free in front. */
function writeHead(frame: Buffer): Buffer {
  frame[0] = 0;
  frame.writeUInt32BE(frame.byteLength - headBytes, 1);
  return frame;
}

const sharedFrames = createHiddenValue<Message, Buffer>();

/**
 * Encodes a message once for all streams that it is written to; returns how many bytes it has. The
 * message must not change afterwards; its frame lives as long as the message.
 */
export function shareFrame<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
  codecs: Codecs = noCodecs,
): number {
  let frame = sharedFrames.get(message);
  if (frame === undefined) {
    frame = toFrame(desc, message, codecs);
    sharedFrames.set(message, frame);
  }
  return frame.byteLength - headBytes;
}

/**
 * Encodes a large answer, in turns, before its call has it. The result stands for the answer and
 * has only its frame, so that the data behind it is released. A small answer is returned unchanged.
 */
export async function frameAhead<Desc extends DescMessage>(
  desc: Desc,
  init: MessageInitShape<Desc>,
  codecs: Codecs = noCodecs,
): Promise<MessageInitShape<Desc>> {
  if (!isLarge(desc, init as Fields)) return init;
  const framed = {} as MessageInitShape<Desc> & Message;
  sharedFrames.set(framed, await toFrameInTurns(desc, init, { turns: new Turns(), codecs }));
  return framed;
}

/** Undefined for a message that is not encoded yet. */
export const sharedFrame = (message: Message): Buffer | undefined => sharedFrames.get(message);

/** Internals of grpc-js's call (1.14.7). frame.test.ts fails if a newer version lacks them. */
type BaseCall = { serializeMessage?: (frame: Buffer) => Buffer };

/** Makes calls send frames unchanged. It must be the interceptor next to the connection. */
export const sendFrames: ServerInterceptor = (_, call) => {
  const base = call as unknown as BaseCall;
  if (base.serializeMessage === undefined)
    throw new Error(
      "this version of @grpc/grpc-js has different internals: its answers cannot go out as frames",
    );
  base.serializeMessage = asItIs;
  return call as ServerInterceptingCall;
};

const asItIs = (frame: Buffer) => frame;
