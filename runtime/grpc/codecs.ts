// Faster encoders and decoders for some types of messages. Each server or transport gets those that
// it uses as an option.
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";

/**
 * Both give the same results as protobuf-es. encode leaves headBytes free at the front; decode
 * returns undefined for what it leaves to protobuf-es.
 */
export type MessageCodec<Desc extends DescMessage> = {
  encode?: (message: MessageShape<Desc>, headBytes: number) => Uint8Array;
  decode?: (bytes: Uint8Array) => MessageShape<Desc> | undefined;
};

/** By type name. */
export type Codecs = ReadonlyMap<string, MessageCodec<DescMessage>>;

/** protobuf-es encodes and decodes messages of all types. */
export const noCodecs: Codecs = new Map();

/** An entry of Codecs. */
export const codecOf = <Desc extends DescMessage>(
  desc: Desc,
  codec: MessageCodec<Desc>,
): [string, MessageCodec<DescMessage>] => [
  desc.typeName,
  codec as unknown as MessageCodec<DescMessage>,
];
