// Answers for unknown paths and methods: 404 and 405, and the methods of a path.
import type { FastifyRequest } from "fastify";
import { HttpProblem } from "../errors/problem.ts";
import type { Route } from "./call.ts";
import { splitUrl } from "./split-url.ts";

/**
 * For `setNotFoundHandler`: a path of the table with another method gives 405, any other path 404
 * with a list of the paths.
 */
export function refuseUnknown(routes: readonly Route[], request: FastifyRequest): never {
  const [path] = splitUrl(request);
  // If several patterns match, use the one without a parameter.
  const [here] = routes
    .filter((route) => matches(route.path, path))
    .sort((a, b) => braces(a.path) - braces(b.path));
  if (!here) {
    const known = [...new Set(routes.map((route) => route.path))];
    throw new HttpProblem(404, `unknown path; known paths are ${known.join(", ")}`, {
      members: { known },
    });
  }
  const allow = allowedMethods(routes, here.path);
  throw new HttpProblem(405, `${path} allows ${allow}`, { headers: { allow } });
}

const braces = (path: string) => path.split("{").length;

/** The value of the Allow header. */
export function allowedMethods(routes: readonly Route[], path: string): string {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
  return methods
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : method))
    .concat("OPTIONS")
    .join(", ");
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.replace(/\/$/, "").split("/");
  const given = path.replace(/\/$/, "").split("/");
  return (
    wanted.length === given.length &&
    wanted.every((part, i) => part === given[i] || part.startsWith("{"))
  );
}
