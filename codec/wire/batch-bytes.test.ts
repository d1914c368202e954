// The bound on a batch's bytes holds for every batch, and parts are the batch again.
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { toTimestamp } from "../timestamps.ts";
import { batchBytes, joinBatches, maxColumnBytes, splitBatch } from "./batch-bytes.ts";
import { toSamples } from "./samples.ts";

const text = (maxLength: number) => fc.string({ unit: "binary", maxLength });
const timeUs = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const column = fc
  .record({
    signal: text(63),
    unit: text(32),
    maxGapUs: fc.option(fc.integer({ min: 1, max: 86_400e6 }), { nil: undefined }),
    pairs: fc.array(fc.tuple(timeUs, fc.double({ noNaN: true })), { maxLength: 30 }),
    even: fc.boolean(),
  })
  .map(({ pairs, even, ...declaration }) =>
    toSamples(declaration, {
      timesUs: Float64Array.from(pairs, ([time], i) =>
        even ? (pairs[0]?.[0] ?? 0) + 10_000 * i : time,
      ),
      values: Float64Array.from(pairs, ([, value]) => value),
    }),
  );
const time = timeUs.map(toTimestamp);
const batch: fc.Arbitrary<Batch> = fc
  .record({
    machine: text(128),
    stateChanges: fc.array(fc.record({ time, state: fc.nat(4), reason: text(256) }), {
      maxLength: 6,
    }),
    errorReports: fc.array(
      fc.record({ time, severity: fc.nat(4), code: text(64), message: text(1024) }),
      {
        maxLength: 6,
      },
    ),
    samples: fc.array(column, { maxLength: 6 }),
  })
  .map((init) => create(BatchSchema, init as MessageInitShape<typeof BatchSchema>));
const encoded = (one: Batch) => Buffer.from(toBinary(BatchSchema, one));

test("no batch has more bytes than the bound says, as a field of a message", () => {
  fc.assert(
    fc.property(batch, (one) => {
      expect(encoded(one).byteLength + 6).toBeLessThanOrEqual(batchBytes(one));
      for (const alone of one.samples) {
        const bytes = encoded(
          create(BatchSchema, { machine: "m".repeat(128), samples: [alone] }),
        ).byteLength;
        expect(bytes).toBeLessThanOrEqual(maxColumnBytes(alone.values.length));
      }
    }),
    { numRuns: 500 },
  );
});

test("parts are within their bound, or a single record, and joined they are the batch", () => {
  fc.assert(
    fc.property(batch, fc.integer({ min: 100, max: 10_000 }), (one, maxBytes) => {
      const [first, ...rest] = [...splitBatch(one, maxBytes)];
      for (const part of [first!, ...rest]) {
        const records = part.stateChanges.length + part.errorReports.length + part.samples.length;
        expect(records > 1 && encoded(part).byteLength > maxBytes).toBe(false);
        expect(rest.length > 0 && records === 0).toBe(false);
      }
      expect(encoded(joinBatches([first!, ...rest]))).toEqual(encoded(one));
    }),
    { numRuns: 500 },
  );
});
