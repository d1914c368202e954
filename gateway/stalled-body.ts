// Which bodies are taken as streams, and what is said about one that stopped coming, or for which there is no room.
import { Code } from "@connectrpc/connect";
import type { FastifyContextConfig } from "fastify";
import { reasonError } from "./errors.ts";
import { streamedTypes } from "./rest/mount.ts";
import { HttpProblem } from "./rest/problem.ts";

/** Of a route, and the media type of a request's body. */
export function takesStream(config: FastifyContextConfig | undefined, contentType = ""): boolean {
  if (config?.isRpc) return config.streams ?? false;
  const [mediaType = ""] = contentType.toLowerCase().split(";");
  return streamedTypes.includes(mediaType.trim());
}

export function stalledBody(isRpc: boolean): Error {
  const message = "the body did not come in time";
  if (isRpc) return reasonError("DEADLINE_EXCEEDED", Code.DeadlineExceeded, message);
  return new HttpProblem(408, message, { headers: { connection: "close" } });
}

export function overloadedBodies(isRpc: boolean): Error {
  const message = "too many bodies are being read: try again in a second";
  const metadata = { limit: "bodies" };
  if (isRpc) return reasonError("OVERLOADED", Code.ResourceExhausted, message, { metadata, retryMs: 1_000 });
  return new HttpProblem(429, message, {
    members: { reason: "OVERLOADED", metadata },
    headers: { "retry-after": "1" },
  });
}
