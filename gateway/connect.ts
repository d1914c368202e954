// Connect, gRPC-Web and gRPC on fastify. In place of @connectrpc/connect-fastify, which writes a stack to the console whenever a client
// leaves a stream that it did not keep up with; otherwise the same few lines.
import { Code, ConnectError, type ConnectRouter, createConnectRouter, createContextValues } from "@connectrpc/connect";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { FastifyInstance } from "fastify";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Log } from "../runtime/log.ts";
import { decompressInTurn, inLargeSteps } from "./limits/decompression.ts";
import { meterKey } from "./limits/guard-limits.ts";
import { expectJson, noteSignedZeros, signedZerosKey, writeSignedZeros } from "./signed-zeros.ts";
import { blameUndecodable } from "./undecodable.ts";

export type ConnectOptions = {
  routes: (router: ConnectRouter) => void;
  /** Largest message taken; larger ones are RESOURCE_EXHAUSTED. */
  readMaxBytes: number;
  log: Log;
};

/** Mounts every method of the router, in a scope of its own: bodies go to Connect unread. */
export function mountConnect(app: FastifyInstance, { routes, readMaxBytes, log }: ConnectOptions): void {
  const acceptCompression = decompressInTurn([compressionGzip, compressionBrotli].map(inLargeSteps));
  const router = createConnectRouter({ readMaxBytes, acceptCompression, interceptors: [noteSignedZeros] });
  routes(router);
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _body, done) => done(null, undefined));
    for (const handler of router.handlers) {
      const { method, service } = handler;
      const config = {
        ...{ rpcPath: handler.requestPath, isRpc: true, streams: method.methodKind !== "unary" },
        writes: service.typeName === IngestService.typeName,
      };
      scope.all(handler.requestPath, { config }, async (request, reply) => {
        reply.hijack();
        for (const [name, value] of Object.entries(reply.getHeaders())) if (value) reply.raw.setHeader(name, value);
        const zeros = expectJson({ url: request.url, contentType: request.headers["content-type"] });
        const values = createContextValues().set(meterKey, request.meter).set(signedZerosKey, zeros);
        try {
          const universal = universalRequestFromNodeRequest(request.raw, reply.raw, undefined, values);
          const response = await blameUndecodable(await handler(universal));
          const exact = writeSignedZeros(response, { output: method.output, zeros });
          await universalResponseToNodeResponse(exact, reply.raw);
        } catch (error) {
          // The handler itself answers every error of a call: what is left is a connection that broke while it was written to.
          const call = `${service.typeName}/${method.name}`;
          if (ConnectError.from(error).code !== Code.Aborted) log.debug("connection broke", { method: call, error });
          reply.raw.destroy();
        }
      });
    }
  });
}
