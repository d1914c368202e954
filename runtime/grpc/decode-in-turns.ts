// A large message decoded in turns: a page of 17,000 buckets took 60 ms as one, in which nobody
// else was served.
import {
  create,
  type DescField,
  type DescMessage,
  type MessageShape,
  mergeFromBinary,
} from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Turns } from "../turns.ts";

/** What is decoded at once, if there is a field that ends there: half a millisecond or so. */
const sliceBytes = 16 * 1024;

/** A message as fromBinary would make it; without fields that are not known. */
export async function decodeInTurns<Desc extends DescMessage>(
  desc: Desc,
  bytes: Uint8Array,
  turns: Pick<Turns, "pause">,
): Promise<MessageShape<Desc>> {
  const message = create(desc);
  await readInto(desc, { message, bytes }, turns);
  return message;
}

/**
 * Messages one behind the other are one, with the fields and the items of all of them: so any run
 * of fields can be added by itself.
 */
async function readInto<Desc extends DescMessage>(
  desc: Desc,
  { message, bytes }: { message: MessageShape<Desc>; bytes: Uint8Array },
  turns: Pick<Turns, "pause">,
): Promise<void> {
  const reader = new BinaryReader(bytes);
  let start = 0;
  const flush = async (end: number) => {
    if (end > start)
      mergeFromBinary(desc, message, bytes.subarray(start, end), { readUnknownFields: false });
    start = end;
    await turns.pause();
  };
  while (reader.pos < reader.len) {
    const fieldStart = reader.pos;
    const [number, wireType] = reader.tag();
    const field = listOfMessages(desc, number);
    if (field === undefined || wireType !== WireType.LengthDelimited) reader.skip(wireType, number);
    else {
      const length = reader.uint32();
      const { pos } = reader;
      if (length > sliceBytes && pos + length <= reader.len) {
        await flush(fieldStart);
        const item = await decodeInTurns(field.message, bytes.subarray(pos, pos + length), turns);
        (message as unknown as Record<string, unknown[]>)[field.localName]!.push(item);
        start = pos + length;
      }
      reader.pos = pos + length;
    }
    if (reader.pos - start >= sliceBytes) await flush(Math.min(reader.pos, reader.len));
  }
  await flush(bytes.length);
}

type MessageList = DescField & { fieldKind: "list"; listKind: "message" };

function listOfMessages(desc: DescMessage, number: number): MessageList | undefined {
  const field = desc.fields.find((one) => one.number === number);
  return field?.fieldKind === "list" && field.listKind === "message" ? field : undefined;
}
