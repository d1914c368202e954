// The messages that the accessor encodes and decodes with its own code: those with columns or
// buckets, which are most of the bytes on the wire.
import {
  IngestBatchesRequestSchema,
  IngestBatchRequestSchema,
  IngestRequestSchema,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import {
  AggregateSamplesResponseSchema,
  ReadSignalsResponseSchema,
  WatchSignalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { SeriesBucketsSchema } from "#gen/millrace/v1/summary_pb.ts";
import {
  decodeIngestBatchesRequest,
  decodeIngestBatchRequest,
  decodeIngestRequest,
} from "../../codec/wire/decode.ts";
import {
  encodeBatch,
  encodeReadSignalsResponse,
  encodeWatchSignalsResponse,
} from "../../codec/wire/encode.ts";
import { type Codecs, codecOf } from "../../runtime/grpc/codecs.ts";
import { encodeAggregateSamplesResponse, encodeSeriesBuckets } from "./encode-buckets.ts";

export const accessorCodecs: Codecs = new Map([
  codecOf(IngestRequestSchema, { decode: decodeIngestRequest }),
  codecOf(IngestBatchRequestSchema, { decode: decodeIngestBatchRequest }),
  codecOf(IngestBatchesRequestSchema, { decode: decodeIngestBatchesRequest }),
  codecOf(ReadSignalsResponseSchema, { encode: encodeReadSignalsResponse }),
  codecOf(WatchSignalsResponseSchema, { encode: encodeWatchSignalsResponse }),
  codecOf(AggregateSamplesResponseSchema, { encode: encodeAggregateSamplesResponse }),
  // Parts of large answers that are encoded separately.
  codecOf(BatchSchema, { encode: encodeBatch }),
  codecOf(SeriesBucketsSchema, { encode: encodeSeriesBuckets }),
]);
