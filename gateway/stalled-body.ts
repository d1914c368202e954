// Which bodies are taken as streams, and what is said about one that stopped coming, or for which
// there is no room.
import { Code } from "@connectrpc/connect";
import type { FastifyContextConfig } from "fastify";
import type { Shortage } from "../access/shares.ts";
import type { Caller } from "./caller.ts";
import { reasonError } from "./errors.ts";
import { shortageError } from "./limits/gateway-shares.ts";
import { streamedTypes } from "./rest/mount.ts";
import { HttpProblem, toHttpProblem } from "./rest/problem.ts";

/** Of a route, and the media type of a request's body. */
export function takesStream(config: FastifyContextConfig | undefined, contentType = ""): boolean {
  if (config?.isRpc) return config.streams ?? false;
  const [mediaType = ""] = contentType.toLowerCase().split(";");
  return streamedTypes.includes(mediaType.trim());
}

export function stalledBody(isRpc: boolean): Error {
  const message = "the body did not arrive in time (--body-timeout)";
  if (isRpc) return reasonError("DEADLINE_EXCEEDED", Code.DeadlineExceeded, message);
  return new HttpProblem(408, message, { headers: { connection: "close" } });
}

export function overloadedBodies(isRpc: boolean, shortage: Shortage, caller: Caller): Error {
  const error = shortageError("bodies", shortage, caller);
  // Fastify gives a failed body a status of its own, unless it is a problem that has one.
  return isRpc ? error : toHttpProblem(error);
}
