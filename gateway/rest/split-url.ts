// The path and the query of a request, as the client sent them.
import type { FastifyRequest } from "fastify";

export function splitUrl({ raw }: FastifyRequest): [path: string, query: string] {
  const [path = "/", ...rest] = (raw.url ?? "/").split("?");
  return [path, rest.join("?")];
}
