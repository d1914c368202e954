// Faster ways to encode and decode some types of messages. A server or a transport is given those
// that it is to use.
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";

/**
 * Both give the same results as the ordinary way. encode leaves headBytes free at the front; decode
 * returns undefined for what it leaves to the ordinary way.
 */
export type MessageCodec<Desc extends DescMessage> = {
  encode?: (message: MessageShape<Desc>, headBytes: number) => Uint8Array;
  decode?: (bytes: Uint8Array) => MessageShape<Desc> | undefined;
};

/** By type name. */
export type Codecs = ReadonlyMap<string, MessageCodec<DescMessage>>;

/** Messages of all types are encoded and decoded in the ordinary way. */
export const noCodecs: Codecs = new Map();

/** An entry of Codecs. */
export const codecOf = <Desc extends DescMessage>(
  desc: Desc,
  codec: MessageCodec<Desc>,
): [string, MessageCodec<DescMessage>] => [
  desc.typeName,
  codec as unknown as MessageCodec<DescMessage>,
];
