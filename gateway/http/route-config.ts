// What a route declares for the hooks that run before its handler: its RPC, and what its requests
// contain.
import type {} from "fastify";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The RPC that the route calls: "/package.Service/Method"; undefined if none. */
    rpcPath?: string | undefined;
    /** Whether the route is that RPC itself, in Connect, gRPC or gRPC-Web. */
    isRpc?: boolean;
    /** Whether its body or answer may last as long as the client wants. */
    streams?: boolean;
    /** Whether its requests contain records. */
    writes?: boolean;
  }
}
