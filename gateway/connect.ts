// Connect, gRPC-Web and gRPC on fastify. In place of @connectrpc/connect-fastify, which writes a stack to the console whenever a client
// leaves a stream that it did not keep up with; otherwise the same few lines.
import { Code, ConnectError, type ConnectRouter, createConnectRouter } from "@connectrpc/connect";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { FastifyInstance } from "fastify";
import type { Log } from "../runtime/log.ts";
import { blameUndecodable } from "./undecodable.ts";

export type ConnectOptions = {
  routes: (router: ConnectRouter) => void;
  /** Largest message taken; larger ones are RESOURCE_EXHAUSTED. */
  readMaxBytes: number;
  log: Log;
};

/** Mounts every method of the router, in a scope of its own: bodies go to Connect unread. */
export function mountConnect(app: FastifyInstance, { routes, readMaxBytes, log }: ConnectOptions): void {
  const router = createConnectRouter({ readMaxBytes, acceptCompression: [compressionGzip, compressionBrotli] });
  routes(router);
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _body, done) => done(null, undefined));
    for (const handler of router.handlers) {
      const config = { rpcPath: handler.requestPath, isRpc: true };
      scope.all(handler.requestPath, { config }, async (request, reply) => {
        reply.hijack();
        for (const [name, value] of Object.entries(reply.getHeaders())) if (value) reply.raw.setHeader(name, value);
        try {
          const universal = universalRequestFromNodeRequest(request.raw, reply.raw, undefined, undefined);
          await universalResponseToNodeResponse(await blameUndecodable(await handler(universal)), reply.raw);
        } catch (error) {
          // The handler itself answers every error of a call: what is left is a connection that broke while it was written to.
          const method = `${handler.service.typeName}/${handler.method.name}`;
          if (ConnectError.from(error).code !== Code.Aborted) log.debug("connection broke", { method, error });
          reply.raw.destroy();
        }
      });
    }
  });
}
