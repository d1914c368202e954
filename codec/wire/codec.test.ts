// Our own reading and writing of messages with columns is protobuf-es's, to the byte and to the
// bit.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  IngestBatchRequestSchema,
  IngestRequestSchema,
  NumberedBatchSchema,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { type Batch, BatchSchema, SamplesSchema } from "#gen/millrace/v1/signal_pb.ts";
import {
  ReadSignalsResponseSchema,
  WatchSignalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import {
  decodeIngestBatchRequest,
  decodeIngestRequest,
  decodeReadSignalsResponse,
  decodeWatchSignalsResponse,
} from "./decode.ts";
import {
  encodeNumberedBatch,
  encodeReadSignalsResponse,
  encodeWatchSignalsResponse,
} from "./encode.ts";
import { countSamples, toColumn, toSamples, unpackInto } from "./samples.ts";

const seconds = fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n });
const moment = fc.record({ seconds, nanos: fc.integer({ min: -5, max: 999_999_999 }) });
const text = fc.string({ unit: "binary", maxLength: 200 });
const value = fc.double({ noNaN: true });
const grid = fc.record({
  startUs: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constant(0n),
    fc.nat().map(BigInt),
  ),
  periodUs: fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constant(10_000n)),
});
const delta = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 51n), max: 2n ** 51n }),
  fc.integer().map(BigInt),
);
const plainSamples = fc.record(
  {
    signal: text,
    unit: text,
    maxGap: moment,
    times: fc.oneof(
      grid.map((it) => ({ case: "grid" as const, value: it })),
      fc
        .array(delta, { maxLength: 40 })
        .map((deltaUs) => ({ case: "deltas" as const, value: { deltaUs } })),
      fc.constant({ case: undefined }),
    ),
    values: fc.array(value, { maxLength: 60 }),
    sampleType: fc.oneof(fc.nat({ max: 4 }), fc.integer()),
  },
  { requiredKeys: [] },
);
/** As our own code makes them, from columns. */
const columnSamples = fc
  .tuple(
    fc.record({
      signal: text,
      unit: text,
      maxGapUs: fc.option(fc.nat(), { nil: undefined }),
      sampleType: fc.constantFrom(0, 1, 2, 3),
    }),
    fc.array(fc.tuple(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), value), { maxLength: 40 }),
    fc.boolean(),
  )
  .map(([declaration, pairs, even]) => {
    const timesUs = Float64Array.from(pairs, ([time], i) =>
      even ? (pairs[0]?.[0] ?? 0) + i * 10_000 : time,
    );
    return toSamples(declaration, { timesUs, values: Float64Array.from(pairs, ([, it]) => it) });
  });
const batch = fc
  .record({
    machine: text,
    stateChanges: fc.array(
      fc.record({ time: moment, state: fc.nat({ max: 5 }), reason: text }, { requiredKeys: [] }),
      {
        maxLength: 2,
      },
    ),
    errorReports: fc.array(
      fc.record({ time: moment, severity: fc.nat({ max: 5 }), code: text, message: text }),
      {
        maxLength: 2,
      },
    ),
    samples: fc.array(fc.oneof(plainSamples, columnSamples), { maxLength: 3 }),
  })
  .map((init) => create(BatchSchema, init as MessageInitShape<typeof BatchSchema>));

const numbered = fc
  .record({ sequence: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), batch })
  .map((it) => ({
    ...it,
    request: create(IngestRequestSchema, { message: { case: "batch", value: toNumbered(it) } }),
    single: create(IngestBatchRequestSchema, {
      ...toNumbered(it),
      producerId: "p",
      $typeName: undefined,
    } as never),
  }));

function toNumbered({ sequence, batch: inner }: { sequence: number; batch: Batch }) {
  return create(NumberedBatchSchema, { sequence: BigInt(sequence), batch: inner });
}

const responses = fc
  .record({
    batches: fc.array(batch, { maxLength: 3 }),
    after: text,
    through: text,
    time: fc.option(moment),
    partial: fc.boolean(),
  })
  .map(({ batches, after, through, time, partial }) => {
    const commitTime = time === null ? {} : { commitTime: time };
    return {
      read: create(ReadSignalsResponseSchema, {
        batches,
        cursor: after,
        blocks: [{ machine: after, signal: through, data: Uint8Array.of(1, 2) }],
      }),
      watch: create(WatchSignalsResponseSchema, {
        batches,
        after,
        through,
        partial,
        ...commitTime,
      }),
    };
  });

test("what is written is what protobuf-es writes", () => {
  fc.assert(
    fc.property(numbered, ({ sequence, batch: inner, request }) => {
      expect(encodeNumberedBatch(sequence, inner)).toEqual(
        Buffer.from(toBinary(IngestRequestSchema, request)),
      );
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(responses, ({ read, watch }) => {
      const same = (own: Uint8Array, theirs: Uint8Array) =>
        expect(Buffer.from(own)).toEqual(Buffer.from(theirs));
      const [readBytes, watchBytes] = [
        toBinary(ReadSignalsResponseSchema, read),
        toBinary(WatchSignalsResponseSchema, watch),
      ];
      same(encodeReadSignalsResponse(read), readBytes);
      same(encodeWatchSignalsResponse(watch), watchBytes);
      // The same behind what is left free for a head.
      same(encodeReadSignalsResponse(read, 5).subarray(5), readBytes);
      same(encodeWatchSignalsResponse(watch, 5).subarray(5), watchBytes);
    }),
  );
});

test("what is read is what protobuf-es reads, or left to it", () => {
  let own = 0;
  fc.assert(
    fc.property(numbered, responses, ({ request, single }, { read, watch }) => {
      for (const [schema, decode, message] of [
        [IngestRequestSchema, decodeIngestRequest, request],
        [IngestBatchRequestSchema, decodeIngestBatchRequest, single],
        [ReadSignalsResponseSchema, decodeReadSignalsResponse, read],
        [WatchSignalsResponseSchema, decodeWatchSignalsResponse, watch],
      ] as const) {
        const bytes = toBinary(schema, message as never);
        const decoded = decode(bytes);
        if (decoded === undefined) continue;
        own++;
        expect(decoded).toEqual(fromBinary(schema, bytes));
        expect(Buffer.from(toBinary(schema, decoded as never))).toEqual(Buffer.from(bytes));
      }
    }),
    { numRuns: 500 },
  );
  expect(own).toBeGreaterThan(300);
});

test("bytes that are damaged are read as protobuf-es reads them, or left to it", () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(numbered, damage, fc.nat(), ({ request }, flips, cut) => {
      const bytes = toBinary(IngestRequestSchema, request);
      for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
      const damaged = bytes.subarray(0, cut % 4 === 0 ? cut % bytes.length : bytes.length);
      const decoded = decodeIngestRequest(damaged);
      if (decoded !== undefined)
        expect(decoded).toEqual(
          fromBinary(IngestRequestSchema, damaged, { readUnknownFields: false }),
        );
    }),
    { numRuns: 2_000 },
  );
});

test("a column that came over the wire is the column that was sent, without a detour by numbers", () => {
  const values = Float64Array.of(-0, 5e-324, Number.MAX_VALUE, 400.1);
  for (const timesUs of [
    Float64Array.of(0, 1e4, 2e4, 3e4),
    Float64Array.of(-7, 1e15, 1e15, 1e15 + 1),
  ]) {
    const samples = toSamples({ signal: "power", unit: "W", maxGapUs: 1e6 }, { timesUs, values });
    const decoded = decodeIngestRequest(
      encodeNumberedBatch(1, create(BatchSchema, { machine: "m", samples: [samples] })),
    );
    const [column] = decoded!.message.case === "batch" ? decoded!.message.value.batch!.samples : [];
    // Before the column itself is made, and after.
    for (const offset of [2, 1]) {
      const target = { timesUs: new Float64Array(7).fill(9), values: new Float64Array(7).fill(9) };
      expect(countSamples(column!)).toBe(4);
      unpackInto(column!, target, offset);
      const around = (own: Float64Array) => [
        ...Array(offset).fill(9),
        ...own,
        ...Array(3 - offset).fill(9),
      ];
      expect([...target.values]).toEqual(around(values));
      expect([...target.timesUs]).toEqual(around(timesUs));
      expect(toColumn(column!).timesUs).toEqual(timesUs);
    }
    expect(Buffer.from(toColumn(column!).values.buffer)).toEqual(Buffer.from(values.buffer));
    expect(toColumn(column!).timesUs).toEqual(timesUs);
    expect(fromBinary(SamplesSchema, toBinary(SamplesSchema, column!)).values).toEqual([...values]);
  }
});
