// Watches the body of every request and its client's reading, on fastify: bodies that stall,
// responses that are not read, and whose turn long work is.
import type { ConnectError } from "@connectrpc/connect";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { inTurnsOf } from "../../runtime/turns.ts";
import { callerOf, shareName } from "../caller/caller.ts";
import { networkOf } from "../caller/client-address.ts";
import { onceEnded } from "../http/response-end.ts";
import type { BodyDeadlines } from "./body-deadlines.ts";
import { overloadedBodies, stalledBody } from "./body-refusals.ts";
import { readWhole } from "./read-along.ts";
import type { ReaderDeadlines } from "./reader-deadlines.ts";
import { takesStream } from "./streamed-bodies.ts";

export type TransferOptions = {
  addressOf: (request: FastifyRequest) => string;
  bodies: BodyDeadlines;
  readers: ReaderDeadlines;
  /** Called for each response that ends because its client does not read it. */
  onSlow: (error: ConnectError) => void;
};

/** Returns a function that tells how many requests are open. */
export function watchTransfers(
  app: FastifyInstance,
  { addressOf, bodies, readers, onSlow }: TransferOptions,
): () => number {
  let requests = 0;
  app.addHook("onRequest", async (request, reply) => {
    requests++;
    onceEnded(reply.raw, () => requests--);
    const network = networkOf(addressOf(request));
    request.caller = { kind: "address", name: network, network };
    const { raw, routeOptions } = request;
    const { config } = routeOptions;
    const isRpc = config?.isRpc ?? false;
    request.releaseBody = bodies.watch(raw, reply.raw, {
      streams: takesStream(config, raw.headers["content-type"]),
      stalled: () => stalledBody(isRpc),
      overloaded: (shortage) => overloadedBodies(isRpc, shortage, callerOf(request)),
      callerName: () => shareName(callerOf(request)),
    });
  });
  // Not earlier: parsing a body loses the asynchronous context.
  app.addHook("preHandler", (request, _reply, done) =>
    inTurnsOf(shareName(callerOf(request)), done),
  );
  app.addHook("onSend", async (request, { raw }, payload) => {
    if (typeof payload !== "string" && !Buffer.isBuffer(payload)) return payload;
    const reader = readers.watch({
      caller: callerOf(request),
      onSlow(error) {
        onSlow(error);
        raw.destroy();
      },
    });
    readWhole(raw, payload.length, reader);
    return payload;
  });
  return () => requests;
}
