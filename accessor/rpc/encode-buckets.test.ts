// Our own writing of buckets is protobuf-es's, to the byte.
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { AggregateSamplesResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { SeriesBucketsSchema } from "#gen/millrace/v1/summary_pb.ts";
import { encodeAggregateSamplesResponse, encodeSeriesBuckets } from "./encode-buckets.ts";

const text = fc.string({ unit: "binary", maxLength: 200 });
const value = fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN));
const edges = fc.constantFrom(0n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 62n);
const whole = fc.oneof(fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }), edges);
const moment = fc.record({ seconds: whole, nanos: fc.integer({ min: -5, max: 999_999_999 }) });
const bucket = fc.record(
  {
    startTime: moment,
    endTime: moment,
    minTime: moment,
    maxTime: moment,
    firstTime: moment,
    lastTime: moment,
    min: value,
    max: value,
    mean: value,
    timeWeightedMean: value,
    first: value,
    last: value,
    count: whole,
    integral: value,
    coverage: value,
  },
  { requiredKeys: [] },
);
const series = fc.record({
  machine: text,
  signal: text,
  unit: text,
  maxGap: fc.option(moment, { nil: undefined }),
  buckets: fc.array(bucket, { maxLength: 30 }),
});
const answers = fc
  .record({ series: fc.array(series, { maxLength: 3 }), cursor: text, nextPageToken: text })
  .map((init) =>
    create(
      AggregateSamplesResponseSchema,
      init as MessageInitShape<typeof AggregateSamplesResponseSchema>,
    ),
  );

test("what is written of buckets is what protobuf-es writes", () => {
  const same = (own: Uint8Array, theirs: Uint8Array) =>
    expect(Buffer.from(own)).toEqual(Buffer.from(theirs));
  fc.assert(
    fc.property(answers, fc.constantFrom(0, 5), (answer, headBytes) => {
      const whole = toBinary(AggregateSamplesResponseSchema, answer);
      same(encodeAggregateSamplesResponse(answer, headBytes).subarray(headBytes), whole);
      for (const one of answer.series)
        same(
          encodeSeriesBuckets(one, headBytes).subarray(headBytes),
          toBinary(SeriesBucketsSchema, one),
        );
    }),
    { numRuns: 1_000 },
  );
});
