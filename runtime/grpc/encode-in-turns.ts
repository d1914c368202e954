// Encodes a large message in turns: at once, a page of 17,000 buckets took 60 ms, during which no
// other call was served.
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Turns } from "../turns.ts";
import { type Codecs, noCodecs } from "./codecs.ts";
import { type Encoding, encode } from "./definition.ts";
import {
  chosenOf,
  type Fields,
  type InnerField,
  isOfNumbers,
  type ListField,
  weigh,
} from "./message-weight.ts";

/** A message with fewer parts is encoded at once, in about a millisecond. */
const largeParts = 256;
/** After this many parts, others may have their turn. */
const sliceParts = 32;

/** Whether a message is worth encoding in turns. */
export const isLarge = (desc: DescMessage, message: Fields): boolean =>
  weigh(desc, message, largeParts) >= largeParts;

/**
 * Encodes a message, or an init shape whose parts need not be messages yet. The bytes decode to the
 * same message as if it were encoded at once. It must not change meanwhile. headBytes: bytes to
 * leave free at the front, for the caller to fill.
 */
export async function encodeInTurns<Desc extends DescMessage>(
  desc: Desc,
  init: MessageInitShape<Desc>,
  { turns, codecs = noCodecs, headBytes = 0 }: Encoding & { turns: Pick<Turns, "pause"> },
): Promise<Buffer> {
  const pieces: Uint8Array[] = headBytes === 0 ? [] : [Buffer.alloc(headBytes)];
  await writeMessage(desc, init as Fields, { pieces, turns, codecs });
  return Buffer.concat(pieces);
}

type Output = {
  readonly pieces: Uint8Array[];
  readonly turns: Pick<Turns, "pause">;
  readonly codecs: Codecs;
};

/**
 * Concatenated protobuf messages are one message with the fields and items of all of them, so each
 * piece is a message with a few of them.
 */
async function writeMessage(desc: DescMessage, fields: Fields, output: Output): Promise<void> {
  let few: Record<string, unknown> = {};
  const flush = () => {
    if (Object.keys(few).length > 0) output.pieces.push(encodePart(desc, few, output));
    few = {};
  };
  for (const member of desc.members) {
    const value = fields[member.localName];
    if (value === undefined) continue;
    if (member.kind === "field" && member.fieldKind === "list" && !isOfNumbers(member)) {
      flush();
      await writeList(desc, { field: member, list: value as Fields[] }, output);
      continue;
    }
    const inner =
      member.kind === "oneof" ? chosenOf(member, fields) : innerOf(member, value as Fields);
    if (inner !== undefined && isLarge(inner.field.message, inner.value)) {
      flush();
      await writeNested(inner.field, inner.value, output);
    } else few[member.localName] = value;
  }
  flush();
}

const innerOf = (field: DescMessage["fields"][number], value: Fields) =>
  field.fieldKind === "message" ? { field: field as InnerField, value } : undefined;

async function writeList(
  desc: DescMessage,
  { field, list }: { field: ListField; list: readonly Fields[] },
  output: Output,
): Promise<void> {
  let start = 0;
  let parts = 0;
  const flush = async (end: number) => {
    if (end > start)
      output.pieces.push(encodePart(desc, { [field.localName]: list.slice(start, end) }, output));
    start = end;
    parts = 0;
    await output.turns.pause();
  };
  for (const [i, item] of list.entries()) {
    const weight = field.listKind === "message" ? weigh(field.message, item, largeParts) : 1;
    if (field.listKind === "message" && weight >= largeParts) {
      await flush(i);
      await writeNested(field, item, output);
      start = i + 1;
      continue;
    }
    parts += weight;
    if (parts >= sliceParts) await flush(i + 1);
  }
  await flush(list.length);
}

async function writeNested(
  { number, message }: { number: number; message: DescMessage },
  fields: Fields,
  { pieces, turns, codecs }: Output,
): Promise<void> {
  const inner: Uint8Array[] = [];
  await writeMessage(message, fields, { pieces: inner, turns, codecs });
  const length = inner.reduce((sum, { byteLength }) => sum + byteLength, 0);
  pieces.push(new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(length).finish());
  for (const piece of inner) pieces.push(piece);
}

const encodePart = (desc: DescMessage, fields: Fields, { codecs }: Output): Uint8Array =>
  encode(desc, create(desc, fields as MessageInitShape<DescMessage>), { codecs });
