// Mounts the services that the gateway forwards, for Connect, gRPC-Web and gRPC.
import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { FastifyInstance } from "fastify";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "#gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "#gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { type MessageLimits, requestLimits } from "../../runtime/grpc/message-limits.ts";
import { causeChain, type Log } from "../../runtime/log.ts";
import type { CallerShares } from "../limits/caller-shares.ts";
import { countRecordsOfMessage } from "../limits/count-records.ts";
import type { ReaderDeadlines } from "../limits/reader-deadlines.ts";
import { meterKey } from "../limits/request-quotas.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { mountConnect } from "./connect.ts";
import { forwardService } from "./forward.ts";

export type ServicesOptions = {
  upstream: Upstream;
  /** Longest that a unary call may take. */
  unaryDeadlineMs: number;
  /** Ends streams when aborted. */
  shutdownSignal: AbortSignal;
  shares: CallerShares;
  readers: ReaderDeadlines;
  /** Counts an error that a client got. */
  countRefusal: (error: unknown) => void;
  log: Log;
  /** For log lines that callers can cause as often as they like. */
  callLog: Log;
};

const services = [
  SignalService,
  IngestService,
  MachineService,
  AccessService,
  StatusService,
  Health,
  ServerReflection,
  ServerReflectionAlpha,
];

const mib = 1024 * 1024;
/**
 * Limits of messages with a batch: four times the accessor's limit, so that the accessor itself
 * refuses a batch that is too large and the call does not break. What arrives compressed may
 * decompress to a batch in JSON, and no more: a thousandth of that on the wire would suffice.
 */
const batchMessageLimits: MessageLimits = {
  maxBytes: 16 * mib,
  maxDecompressedBytes: 8 * mib,
  maxCostBytes: 64 * mib,
  maxCostPerByte: 32,
};

export function mountServices(app: FastifyInstance, options: ServicesOptions): void {
  const { upstream, unaryDeadlineMs, shutdownSignal, shares, readers, countRefusal, log } = options;
  const logFailure = createFailureLog(options.callLog, shutdownSignal);
  mountConnect(app, {
    limitsOf: (method) =>
      method.parent === IngestService ? batchMessageLimits : requestLimits(method),
    readers,
    onSlow: countRefusal,
    log,
    routes(router) {
      for (const service of services) {
        forwardService(router, service, {
          upstream,
          unaryDeadlineMs,
          shutdownSignal,
          shares,
          onRequest: (message: Message, { values }: HandlerContext) =>
            values.get(meterKey)?.(countRecordsOfMessage(message)) ?? 0,
          onError(error: unknown, context: HandlerContext) {
            countRefusal(error);
            logFailure(error, context);
          },
        });
      }
    },
  });
}

/** Failures of the gateway and the accessor; a client reads its own mistakes in its response. */
function createFailureLog(log: Log, shutdown: AbortSignal) {
  const logged = new Set([
    Code.Unknown,
    Code.Internal,
    Code.Unavailable,
    Code.DataLoss,
    Code.Unimplemented,
  ]);
  return (error: unknown, { service, method }: HandlerContext) => {
    const { code } = ConnectError.from(error);
    if (!logged.has(code) || shutdown.aborted) return;
    const isExpected = code === Code.Unavailable || code === Code.Unimplemented;
    log.warn("call failed", {
      method: `${service.typeName}/${method.name}`,
      error: isExpected ? causeChain(error) : error,
    });
  };
}
