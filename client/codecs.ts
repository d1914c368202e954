// Faster decoders of what the server streams, for createGrpcTransport: with them, reads and feeds
// of many samples take a fraction of the time.
import {
  ReadSignalsResponseSchema,
  WatchSignalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { decodeReadSignalsResponse, decodeWatchSignalsResponse } from "../codec/wire/decode.ts";
import { type Codecs, codecOf } from "../runtime/grpc/codecs.ts";

export const signalCodecs: Codecs = new Map([
  codecOf(ReadSignalsResponseSchema, { decode: decodeReadSignalsResponse }),
  codecOf(WatchSignalsResponseSchema, { decode: decodeWatchSignalsResponse }),
]);
