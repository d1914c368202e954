// What decoding would make is counted before it is made, and no more is refused than has to be.
import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  HealthCheckRequestSchema,
  HealthListResponseSchema,
} from "#gen/grpc/health/v1/health_pb.ts";
import { IngestRequestSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { BatchSchema, SamplesSchema } from "#gen/millrace/v1/signal_pb.ts";
import { QuerySignalsRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { decode } from "./definition.ts";
import { assertCost } from "./message-cost.ts";
import { type MessageLimits, MessageTooLarge } from "./message-limits.ts";

const mib = 1024 * 1024;
const limits: MessageLimits = { maxBytes: 64 * mib, maxCostBytes: 4 * mib, maxCostPerByte: 32 };
const loose: MessageLimits = { maxBytes: 64 * mib, maxCostBytes: 1e12, maxCostPerByte: 1e9 };
const times = (bytes: readonly number[], count: number) =>
  Buffer.alloc(bytes.length * count, Uint8Array.from(bytes));
const tooLarge = expect.objectContaining({ limit: "decoded-bytes" });

const pageSizeNumber = QuerySignalsRequestSchema.field.pageSize.number;

/** A message in a field. */
const nested = (no: number, inner: Uint8Array) =>
  new BinaryWriter().tag(no, WireType.LengthDelimited).bytes(inner).finish();

describe("bombs", () => {
  test.each<[name: string, desc: DescMessage, bytes: Uint8Array]>([
    ["unknown varints", HealthCheckRequestSchema, times([0x10, 0x00], mib)],
    ["unknown empty texts", HealthCheckRequestSchema, times([0x12, 0x00], mib)],
    ["unknown groups", HealthCheckRequestSchema, times([0x13, 0x14], mib)],
    ["empty submessages", BatchSchema, times([0x12, 0x00], mib)],
    ["empty columns", BatchSchema, times([0x22, 0x00], mib)],
    [
      "submessages of submessages",
      IngestRequestSchema,
      nested(2, nested(2, times([0x22, 0x00], mib))),
    ],
    ["a list of empty texts", QuerySignalsRequestSchema, times([0x12, 0x00], mib)],
    ["packed numbers of a byte each", QuerySignalsRequestSchema, nested(8, times([0x01], 4 * mib))],
    ["numbers that are not packed", QuerySignalsRequestSchema, times([0x40, 0x01], mib)],
    ["entries of a map", HealthListResponseSchema, times([0x0a, 0x00], mib)],
    ["packed lists without a number", QuerySignalsRequestSchema, times([0x42, 0x00], mib)],
    ["one field over and over", QuerySignalsRequestSchema, times([0x1a, 0x00], mib)],
    [
      "one number over and over",
      QuerySignalsRequestSchema,
      times([pageSizeNumber * 8, 0x01], 100_000),
    ],
  ])("%s", (_name, desc, bytes) => {
    expect(() => assertCost(desc, bytes, limits)).toThrow(tooLarge);
    expect(() => decode(desc, bytes, { limits })).toThrow(tooLarge);
  });

  test("packed fields are cheap up to two for each record of the largest batch", () => {
    const limits = { freeCostBytes: 1e9, maxCostPerByte: 1e3, maxCostBytes: 64 * mib };
    const empty = [6 * 8 + 2, 0];
    expect(assertCost(SamplesSchema, times(empty, 131_072), limits)).toBeLessThan(9 * mib);
    expect(() => assertCost(SamplesSchema, times(empty, 250_000), limits)).toThrow(tooLarge);
  });

  test("unknown fields are cheap up to two for each record of the largest batch", () => {
    const limits = { ...loose, maxCostBytes: 48 * mib };
    expect(assertCost(BatchSchema, times([0x98, 0x06, 0x00], 131_072), limits)).toBeLessThan(
      9 * mib,
    );
    for (const unknown of [
      [0x98, 0x06, 0x00],
      [0x9b, 0x06, 0x9c, 0x06],
    ])
      expect(() => assertCost(BatchSchema, times(unknown, 250_000), limits)).toThrow(tooLarge);
  });

  // What is small when it is compressed has the absolute bound alone: that of a batch.
  const batchMessageLimits = { ...loose, maxCostBytes: 48 * mib };
  const deltas = (bytes: Uint8Array) => nested(4, nested(5, bytes));
  test.each([
    ["deltas of times, each alone", deltas(times([0x08, 0x01], 500_000))],
    ["packed deltas of no byte", deltas(times([0x0a, 0x00], 1_000_000))],
    ["values, each alone", nested(4, times([0x31, 0, 0, 0, 0, 0, 0, 0, 0], 440_000))],
    ["packed values of no byte", nested(4, times([0x32, 0x00], 1_000_000))],
  ])("a list in a message of 4 MiB: %s", (_name, bytes) => {
    expect(() => assertCost(BatchSchema, bytes, batchMessageLimits)).toThrow(tooLarge);
  });

  test("a batch of all the samples that one may have passes, packed and not", () => {
    const count = 65_536;
    const packed = nested(4, nested(6, new Uint8Array(8 * count)));
    const alone = nested(4, times([0x31, 0, 0, 0, 0, 0, 0, 0, 0], count));
    for (const bytes of [packed, alone])
      expect(
        decode(BatchSchema, bytes, { limits: batchMessageLimits }).samples[0]?.values,
      ).toHaveLength(count);
  });

  test("a ratio holds for what is far from the absolute bound, and not for small messages", () => {
    const empties = (count: number) => times([0x22, 0x00], count);
    expect(() => assertCost(BatchSchema, empties(2_000), { ...limits, maxCostBytes: 1e9 })).toThrow(
      tooLarge,
    );
    expect(assertCost(BatchSchema, empties(50), limits)).toBeLessThan(16 * 1024);
  });

  test("an early end: a gigabyte takes no longer than what is allowed", () => {
    let read = 0;
    const bytes = new Proxy(times([0x10, 0x00], 4 * mib), {
      get(target, key) {
        if (typeof key === "string" && /^\d+$/.test(key)) read++;
        const value = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    expect(() =>
      assertCost(HealthCheckRequestSchema, bytes, { ...limits, maxCostBytes: 64_000 }),
    ).toThrow(tooLarge);
    expect(read).toBeLessThan(3_000);
  });
});

test("bytes where a number belongs are not read as numbers", () => {
  // page_size is no list: protobuf-es would take the length for its value.
  expect(() => assertCost(QuerySignalsRequestSchema, Uint8Array.of(0x2a, 1, 1), loose)).toThrow(
    /valid/,
  );
});

test("a depth that no message of ours has", () => {
  const open = times([0x13], 40);
  expect(() =>
    assertCost(HealthCheckRequestSchema, Buffer.concat([open, times([0x14], 40)]), loose),
  ).toThrow(/valid/);
});

const text = fc.string({ maxLength: 40 });
const time = fc.record({ seconds: fc.bigInt(-(2n ** 40n), 2n ** 40n), nanos: fc.integer() });
const batch = fc.record({
  machine: text,
  stateChanges: fc.array(fc.record({ time, state: fc.constantFrom(0, 1, 4), reason: text }), {
    maxLength: 5,
  }),
  errorReports: fc.array(
    fc.record({ time, severity: fc.constantFrom(0, 3), code: text, message: text }),
  ),
  samples: fc.array(
    fc.record({
      signal: text,
      values: fc.array(fc.double()),
      times: fc.oneof(
        fc.record({
          case: fc.constant("grid"),
          value: fc.record({ startUs: fc.bigInt(0n, 2n ** 60n) }),
        }),
        fc.record({
          case: fc.constant("deltas"),
          value: fc.record({ deltaUs: fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)) }),
        }),
      ),
    }),
    { maxLength: 5 },
  ),
});

test("every message that is right costs at least its bytes, and decodes to what it was", () => {
  fc.assert(
    fc.property(batch, (init) => {
      const bytes = toBinary(BatchSchema, create(BatchSchema, init as never));
      expect(assertCost(BatchSchema, bytes, loose)).toBeGreaterThan(bytes.length);
      expect(decode(BatchSchema, bytes, { limits: loose })).toEqual(fromBinary(BatchSchema, bytes));
    }),
  );
});

test("of any bytes: what passes decodes, with nothing of unknown fields", () => {
  const holdsUnknown = (value: unknown): boolean =>
    typeof value === "object" &&
    value !== null &&
    !ArrayBuffer.isView(value) &&
    ((value as Message).$unknown !== undefined || Object.values(value).some(holdsUnknown));
  const near = fc
    .tuple(batch, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }))
    .map(([init, edits]) => {
      const bytes = toBinary(BatchSchema, create(BatchSchema, init as never));
      for (const [at, byte] of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(near, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      try {
        assertCost(BatchSchema, bytes, loose);
      } catch {
        return;
      }
      try {
        expect(holdsUnknown(decode(BatchSchema, bytes, { limits: loose }))).toBe(false);
      } catch (error) {
        // What the count does not look at: texts that are no UTF-8, and how long packed varints
        // are.
        expect(String(error)).toMatch(/UTF-?8|encoded data|URI|invalid varint/i);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("no other error of a call is taken for a message that is too large", () => {
  expect(new MessageTooLarge("bytes", 1)).toBeInstanceOf(MessageTooLarge);
  expect(new MessageTooLarge("bytes", 1)).toBeInstanceOf(ConnectError);
  expect(new ConnectError("not valid", Code.InvalidArgument)).not.toBeInstanceOf(MessageTooLarge);
});
