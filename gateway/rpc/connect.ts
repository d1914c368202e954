// Connect, gRPC-Web and gRPC on fastify. Replaces @connectrpc/connect-fastify, which writes a stack
// to the console whenever a client leaves a stream that it could not keep up with; otherwise the
// code is the same.
import type { DescMethod } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
} from "@connectrpc/connect";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { FastifyInstance } from "fastify";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { createTurns } from "../../runtime/grpc/decompress.ts";
import type { MessageLimits } from "../../runtime/grpc/message-limits.ts";
import type { Log } from "../../runtime/log.ts";
import { callerKey, callerOf } from "../caller/caller.ts";
import { rewriteMessage, rewritingTrailers } from "../errors/grpc-message.ts";
import { toResponse } from "../errors/rpc-response.ts";
import { hasEnded, onceEnded } from "../http/response-end.ts";
import { readAlong } from "../limits/read-along.ts";
import type { ReaderDeadlines } from "../limits/reader-deadlines.ts";
import { releaseBodyKey } from "../limits/release-body.ts";
import { meterKey } from "../limits/request-quotas.ts";
import { endStream } from "./end-stream.ts";
import { type Aside, asideKey, setLargeAside, writeAside } from "./large-answers.ts";
import { limitMessages } from "./request-messages.ts";
import { expectJson, noteSignedZeros, signedZerosKey, writeSignedZeros } from "./signed-zeros.ts";
import { blameUndecodable } from "./undecodable.ts";

export type ConnectOptions = {
  routes: (router: ConnectRouter) => void;
  /** What a request of a method may cost; one beyond it is RESOURCE_EXHAUSTED. */
  limitsOf: (method: DescMethod) => MessageLimits;
  /** Watches for clients that do not read; `onSlow` gets the error that they got. */
  readers: ReaderDeadlines;
  onSlow: (error: ConnectError) => void;
  log: Log;
};

/** Mounts every method of the router, in a scope of its own: bodies go to Connect unread. */
export function mountConnect(
  app: FastifyInstance,
  { routes, limitsOf, readers, onSlow, log }: ConnectOptions,
): void {
  const router = createConnectRouter({
    // For answers only: requests reach Connect decompressed.
    acceptCompression: [compressionGzip, compressionBrotli],
    binaryOptions: { readUnknownFields: false },
    // Misspelled names are reported to the client, as in REST. (Binary messages have no names.)
    jsonOptions: { ignoreUnknownFields: false },
    interceptors: [noteSignedZeros, setLargeAside],
  });
  const inTurn = createTurns(2);
  routes(router);
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _body, done) => done(null, undefined));
    for (const handler of router.handlers) {
      const { method, service } = handler;
      const config = {
        rpcPath: handler.requestPath,
        isRpc: true,
        streams: method.methodKind !== "unary",
        writes: service.typeName === IngestService.typeName,
      };
      scope.all(handler.requestPath, { config }, async (request, reply) => {
        reply.hijack();
        // The client left while its request was being checked: nothing would stop the work later.
        if (hasEnded(reply.raw)) return;
        for (const [name, value] of Object.entries(reply.getHeaders()))
          if (value) reply.raw.setHeader(name, value);
        const zeros = expectJson({
          url: request.url,
          contentType: request.headers["content-type"],
        });
        const values = createContextValues()
          .set(meterKey, request.meter)
          .set(signedZerosKey, zeros);
        const aside: Aside = {};
        values
          .set(asideKey, aside)
          .set(callerKey, callerOf(request))
          .set(releaseBodyKey, request.releaseBody);
        const slow = new AbortController();
        const reader = readers.watch({
          caller: callerOf(request),
          onSlow(error) {
            slow.abort(error);
            onSlow(error);
            endStream(reply.raw, error, { contentType: request.headers["content-type"] });
          },
        });
        onceEnded(reply.raw, () => reader[Symbol.dispose]());
        try {
          const asked = universalRequestFromNodeRequest(request.raw, reply.raw, undefined, values);
          // Work for a client that does not read stops at once; its writer waits, and notices last.
          const universal = { ...asked, signal: AbortSignal.any([asked.signal, slow.signal]) };
          const reading = { method, limits: limitsOf(method), inTurn };
          const response = await limitMessages(universal, reading).then(
            async (bounded) => blameUndecodable(await handler(bounded)),
            (error) => toResponse(error, request.headers["content-type"]),
          );
          const exact = await writeAside(
            writeSignedZeros(response, { output: method.output, zeros }),
            {
              output: method.output,
              aside,
              json: zeros !== undefined,
              acceptEncoding: request.headers["accept-encoding"]?.toString(),
            },
          );
          const read = exact.body && readAlong(exact.body, { reader, slow: slow.signal });
          // grpc-web writes its trailers into its body.
          rewriteMessage(exact.trailer);
          const body = read && exact.trailer ? rewritingTrailers(read, exact.trailer) : read;
          await universalResponseToNodeResponse(body ? { ...exact, body } : exact, reply.raw);
        } catch (error) {
          // The end of the stream is written, and may still be read.
          if (slow.signal.aborted) return;
          // The handler itself answers every error of a call; the only other error is a connection
          // that broke during a write.
          const call = `${service.typeName}/${method.name}`;
          if (ConnectError.from(error).code !== Code.Aborted)
            log.debug("connection broke", { method: call, error });
          reply.raw.destroy();
        }
      });
    }
  });
}
