// How whoever passes on what a streamed body brings says so: what was passed on takes no more room.
import { type ContextKey, createContextKey } from "@connectrpc/connect";
import type { PassedOn } from "./body-clock.ts";

declare module "fastify" {
  interface FastifyRequest {
    passedOn?: PassedOn;
  }
}

/** For a call in Connect, gRPC or gRPC-Web. */
export const passedOnKey: ContextKey<PassedOn | undefined> = createContextKey<PassedOn | undefined>(
  undefined,
  {
    description: "told of what was passed on",
  },
);
