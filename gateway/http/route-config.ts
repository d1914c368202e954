// What a route declares to the hooks that run before its handler: which RPC it stands for, and what
// its requests bring.
import type {} from "fastify";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What the route asks the accessor: "/package.Service/Method"; undefined if nothing. */
    rpcPath?: string | undefined;
    /** Whether it is that RPC itself, in Connect, gRPC or gRPC-Web. */
    isRpc?: boolean;
    /** Whether its body or answer may go on for as long as the client likes. */
    streams?: boolean;
    /** Whether it brings records. */
    writes?: boolean;
  }
}
