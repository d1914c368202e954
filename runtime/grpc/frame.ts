// Answers as they go to a connection: each behind its head, made once. grpc-js would copy each into
// another piece of memory for that, and again for every stream that it goes to.
// Format: Length-Prefixed-Message in
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
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

/** At once. */
export const toFrame = <Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
  codecs: Codecs = noCodecs,
): Buffer => writeHead(encode(desc, message, { codecs, headBytes }));

/** As encodeInTurns does it. */
export const toFrameInTurns = async <Desc extends DescMessage>(
  desc: Desc,
  init: MessageInitShape<Desc>,
  { turns, codecs = noCodecs }: { turns: Pick<Turns, "pause">; codecs?: Codecs },
): Promise<Buffer> => writeHead(await encodeInTurns(desc, init, { turns, codecs, headBytes }));

/** Of a message that has as many bytes before it, and is not compressed. */
function writeHead(frame: Buffer): Buffer {
  frame[0] = 0;
  frame.writeUInt32BE(frame.byteLength - headBytes, 1);
  return frame;
}

const sharedFrames = createHiddenValue<Message, Buffer>();

/**
 * Encodes a message once for all streams that it is written to; answers how many bytes it has. It
 * must not change afterwards; its frame lives as long as it does.
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
 * Encodes a large answer, in turns, before its call has it. What comes back stands for the answer
 * and has its frame only: what it was made of is let go. A small answer comes back as it is.
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

/**
 * What grpc-js's call has inside (1.14.7). frame.test.ts fails where a newer one has it no more.
 */
type BaseCall = { serializeMessage?: (frame: Buffer) => Buffer };

/** Has calls send frames as they are. To be next to the connection. */
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
