// Encodes buckets to the same protobuf bytes as protobuf-es, in half the time: its encoder took a
// quarter of the accessor's time for an answer of AggregateSamples.
import { toBinary } from "@bufbuild/protobuf";
import { DurationSchema, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { AggregateSamplesResponse } from "#gen/millrace/v1/signal_service_pb.ts";
import { type Bucket, BucketSchema, type SeriesBuckets } from "#gen/millrace/v1/summary_pb.ts";
import { WireWriter } from "../../codec/wire/writer.ts";

const writer = new WireWriter();

/** headBytes, here and below: bytes to leave free at the front, for the caller to fill. */
export function encodeAggregateSamplesResponse(
  { series, cursor, nextPageToken, endTime }: AggregateSamplesResponse,
  headBytes = 0,
): Uint8Array {
  writer.reset({ headBytes });
  for (const one of series) writer.message(1, () => writeSeries(one), bytesOf(one));
  writer.text(2, cursor);
  writer.text(3, nextPageToken);
  if (endTime !== undefined) writer.bytes(4, toBinary(TimestampSchema, endTime));
  return writer.take();
}

export function encodeSeriesBuckets(series: SeriesBuckets, headBytes = 0): Uint8Array {
  writer.reset({ headBytes, bytes: bytesOf(series) });
  writeSeries(series);
  return writer.take();
}

/** About how many bytes a bucket with all fields takes. */
const bucketBytes = 180;
const bytesOf = ({ buckets }: SeriesBuckets) => 64 + buckets.length * bucketBytes;

function writeSeries({ machine, signal, unit, maxGap, buckets, sampleType }: SeriesBuckets): void {
  writer.text(1, machine);
  writer.text(2, signal);
  writer.text(3, unit);
  if (maxGap !== undefined) writer.bytes(4, toBinary(DurationSchema, maxGap));
  for (const bucket of buckets) {
    if (isPlain(bucket)) writer.message(5, () => writeBucket(bucket), bucketBytes);
    else writer.bytes(5, toBinary(BucketSchema, bucket));
  }
  writer.number(6, sampleType);
}

function writeBucket(bucket: Bucket): void {
  writeTime(1, bucket.startTime);
  writeTime(2, bucket.endTime);
  writer.number(3, Number(bucket.count));
  writeValue(4, bucket.min);
  writeValue(5, bucket.max);
  writeValue(6, bucket.mean);
  writeValue(7, bucket.timeWeightedMean);
  writeValue(8, bucket.first);
  writeValue(9, bucket.last);
  writeTime(10, bucket.minTime);
  writeTime(11, bucket.maxTime);
  writeTime(12, bucket.firstTime);
  writeTime(13, bucket.lastTime);
  // The field has no presence: 0 is left out, -0 is not.
  if (!Object.is(bucket.integral, 0)) writer.double(14, bucket.integral);
  if (!Object.is(bucket.coverage, 0)) writer.double(15, bucket.coverage);
  writeValue(16, bucket.increase);
  writeValue(17, bucket.rate);
}

function writeValue(field: number, value: number | undefined): void {
  if (value !== undefined) writer.double(field, value);
}

function writeTime(field: number, time: Timestamp | undefined): void {
  if (time === undefined) return;
  const write = () => {
    writer.number(1, Number(time.seconds));
    writer.number(2, time.nanos);
  };
  writer.message(field, write);
}

/** Whether the writer can write all its numbers exactly. */
const isPlain = (bucket: Bucket): boolean =>
  bucket.count >= 0n &&
  bucket.count <= maxExact &&
  isPlainTime(bucket.startTime) &&
  isPlainTime(bucket.endTime) &&
  isPlainTime(bucket.minTime) &&
  isPlainTime(bucket.maxTime) &&
  isPlainTime(bucket.firstTime) &&
  isPlainTime(bucket.lastTime);

const isPlainTime = (time: Timestamp | undefined): boolean =>
  time === undefined || (time.seconds >= 0n && time.seconds <= maxExact && time.nanos >= 0);

const maxExact = BigInt(Number.MAX_SAFE_INTEGER);
