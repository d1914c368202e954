// Lets code that passes on a streamed body report it: bytes that were passed on take no more room.
import { type ContextKey, createContextKey } from "@connectrpc/connect";
import type { ReleaseBody } from "./body-deadlines.ts";

declare module "fastify" {
  interface FastifyRequest {
    releaseBody?: ReleaseBody;
  }
}

/** For a call in Connect, gRPC or gRPC-Web. */
export const releaseBodyKey: ContextKey<ReleaseBody | undefined> = createContextKey<
  ReleaseBody | undefined
>(undefined, {
  description: "releases the room of bytes that were passed on",
});
