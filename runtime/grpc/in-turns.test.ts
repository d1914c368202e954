// Large messages are encoded and decoded in turns, to the same bytes and fields as at once.
import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FileDescriptorSetSchema,
  ListValueSchema,
  StructSchema,
  type Value,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeInTurns } from "./decode-in-turns.ts";
import { encodeInTurns, isLarge } from "./encode-in-turns.ts";

/** Counts the places at which others may run. */
const counting = () => {
  const turns = { paused: 0, pause: () => Promise.resolve(void turns.paused++) };
  return turns;
};

const fields = (count: number) =>
  Array.from({ length: count }, (_, number) => ({
    name: `f${number}`,
    number,
    ...(number % 3 === 0 && { options: {} }),
  }));

// Lists in lists, of messages, texts and numbers, and messages in fields of their own.
const bare = fc.record({
  name: fc.string(),
  field: fc.nat(900).map(fields),
  reservedName: fc.array(fc.string(), { maxLength: 100 }),
  oneofDecl: fc.array(fc.record({ name: fc.string() })),
});
type Init = MessageInitShape<typeof DescriptorProtoSchema>;
const proto = fc
  .tuple(bare, fc.array(bare, { maxLength: 4 }))
  .map(([outer, nestedType]) => ({ ...outer, nestedType }) as Init);

test("bytes say the same, and are read as the same, as if all were done at once", async () => {
  await fc.assert(
    fc.asyncProperty(proto, async (init) => {
      const message = create(DescriptorProtoSchema, init) as DescriptorProto;
      const bytes = await encodeInTurns(DescriptorProtoSchema, init, { turns: counting() });
      expect(fromBinary(DescriptorProtoSchema, bytes)).toEqual(message);
      expect(bytes.byteLength).toBe(toBinary(DescriptorProtoSchema, message).byteLength);
      expect(await decodeInTurns(DescriptorProtoSchema, bytes, counting())).toEqual(message);
    }),
    { numRuns: 30 },
  );
});

test.each<[string, DescMessage, MessageInitShape<DescMessage>]>([
  ["a list", DescriptorProtoSchema, { field: fields(20_000) } as never],
  [
    "a list in one item of a list",
    FileDescriptorSetSchema,
    { file: [{ messageType: [{ field: fields(20_000) }] }] } as never,
  ],
  [
    "texts",
    DescriptorProtoSchema,
    { reservedName: fields(60_000).map(({ name }) => name) } as never,
  ],
])("%s has hundreds of turns", async (_, desc, init) => {
  expect(isLarge(desc, init as never)).toBe(true);
  const [encoding, decoding] = [counting(), counting()];
  const bytes = await encodeInTurns(desc, init, { turns: encoding });
  expect(encoding.paused).toBeGreaterThan(500);
  const message = await decodeInTurns(desc, bytes, decoding);
  expect(decoding.paused).toBeGreaterThan(bytes.length / 40_000);
  expect(Buffer.compare(bytes, toBinary(desc, message as Message))).toBe(0);
});

test("what stands in a oneof is counted and written in turns too", async () => {
  const value = (inner: Value["kind"]) => ({ kind: inner }) as never;
  const many = Array.from({ length: 5_000 }, (_, i) => value({ case: "numberValue", value: i }));
  const list = create(ListValueSchema, {
    values: [value({ case: "listValue", value: create(ListValueSchema, { values: many }) })],
  });
  const turns = counting();
  expect(isLarge(ListValueSchema, list as never)).toBe(true);
  const bytes = await encodeInTurns(ListValueSchema, list, { turns });
  expect(turns.paused).toBeGreaterThan(100);
  expect(Buffer.compare(bytes, toBinary(ListValueSchema, list))).toBe(0);
  expect(await decodeInTurns(ListValueSchema, bytes, counting())).toEqual(list);
});

test("small messages are not worth it", () => {
  expect(isLarge(DescriptorProtoSchema, { field: fields(100) })).toBe(false);
  expect(isLarge(StructSchema, create(StructSchema) as never)).toBe(false);
});

test("what is cut short is refused wherever it is cut", async () => {
  const bytes = toBinary(
    DescriptorProtoSchema,
    create(DescriptorProtoSchema, { field: fields(3_000), name: "n".repeat(100) }),
  );
  // Not between two fields, where it would be a message.
  for (const end of [1, 50, 20_001, bytes.length - 1]) {
    let atOnce = false;
    try {
      fromBinary(DescriptorProtoSchema, bytes.subarray(0, end));
      atOnce = true;
    } catch {}
    const inTurns = decodeInTurns(DescriptorProtoSchema, bytes.subarray(0, end), counting());
    await expect(
      inTurns.then(
        () => true,
        () => false,
      ),
    ).resolves.toBe(atOnce);
  }
});
