// Which messages the accessor reads and writes in its own way: those with columns or buckets, which
// are most of what goes over the wire.
import {
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
import { decodeIngestBatchRequest, decodeIngestRequest } from "../../codec/wire/decode.ts";
import {
  encodeBatch,
  encodeReadSignalsResponse,
  encodeWatchSignalsResponse,
} from "../../codec/wire/encode.ts";
import { useCodec } from "../../runtime/grpc/definition.ts";
import { encodeAggregateSamplesResponse, encodeSeriesBuckets } from "./encode-buckets.ts";

/** For every call of this process; to be called before the first. */
export function useOwnCodecs(): void {
  useCodec(IngestRequestSchema, { decode: decodeIngestRequest });
  useCodec(IngestBatchRequestSchema, { decode: decodeIngestBatchRequest });
  useCodec(ReadSignalsResponseSchema, { encode: encodeReadSignalsResponse });
  useCodec(WatchSignalsResponseSchema, { encode: encodeWatchSignalsResponse });
  useCodec(AggregateSamplesResponseSchema, { encode: encodeAggregateSamplesResponse });
  // The parts in which large answers are encoded.
  useCodec(BatchSchema, { encode: encodeBatch });
  useCodec(SeriesBucketsSchema, { encode: encodeSeriesBuckets });
}
