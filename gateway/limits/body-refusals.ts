// Errors for the reader of a body that stalled, or for which there is no room.
import { Code } from "@connectrpc/connect";
import type { Shortage } from "../../access/shares.ts";
import type { Caller } from "../caller/caller.ts";
import { HttpProblem, toHttpProblem } from "../errors/problem.ts";
import { reasonError } from "../errors/reasons.ts";
import { shortageError } from "./caller-shares.ts";

export function stalledBody(isRpc: boolean): Error {
  const message = "the body did not arrive in time (--body-timeout)";
  if (isRpc) return reasonError("DEADLINE_EXCEEDED", Code.DeadlineExceeded, message);
  return new HttpProblem(408, message, { headers: { connection: "close" } });
}

export function overloadedBodies(isRpc: boolean, shortage: Shortage, caller: Caller): Error {
  const error = shortageError("bodies", shortage, caller);
  // Fastify gives a failed body its own status, unless the error is a problem with a status.
  return isRpc ? error : toHttpProblem(error);
}
