// Which pages of other origins may call the gateway from a browser, and what they may send and
// read. Without origins: none.

import { cors } from "@connectrpc/connect";
import fastifyCors from "@fastify/cors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ValueReader } from "../../runtime/config-values.ts";

/** Headers that a page may send besides those of Connect and gRPC-Web. */
const requestHeaders = [
  "Authorization",
  "X-Api-Key",
  "Idempotency-Key",
  "Last-Event-ID",
  "If-None-Match",
  "Cache-Control",
];

/** Headers of an answer that a script may read besides those of Connect and gRPC-Web. */
const answerHeaders = [
  "Millrace-Cursor",
  "Millrace-Cut",
  "Link",
  "ETag",
  "Age",
  "Allow",
  "Content-Disposition",
  "WWW-Authenticate",
  "Retry-After",
  "RateLimit",
  "RateLimit-Policy",
];

/** Browsers repeat a preflight after this time; it is Chromium's maximum. */
const preflightSeconds = 7_200;

/** An origin as browsers write it: no path, no wildcard, no capital letters. */
export const origin: ValueReader<string> = {
  placeholder: "ORIGIN",
  expects: "an exact origin such as https://plant.example or http://localhost:5173",
  read: (value) =>
    /^https?:\/\/[\w.:[\]-]+$/.test(value) && URL.canParse(value) && new URL(value).origin === value
      ? value
      : undefined,
};

/**
 * Answers preflights before authorization (they never have a credential), and marks the answers
 * that a page may read; it applies to every route that is mounted later. Cookies and other
 * credentials of the browser are never allowed: a key is sent in a header.
 */
export async function allowOrigins(
  app: FastifyInstance,
  origins: readonly string[],
): Promise<void> {
  if (origins.length === 0) return;
  const known = new Set(origins);
  await app.register(fastifyCors, {
    delegator: (request: FastifyRequest, done: (error: Error | null, options: object) => void) =>
      done(null, {
        origin: known.has(request.headers.origin ?? "") ? [...known] : false,
        // Any other OPTIONS request asks for the allowed methods.
        preflight: request.headers["access-control-request-method"] !== undefined,
        credentials: false,
        methods: ["GET", "HEAD", "POST", "PUT", "PATCH"],
        allowedHeaders: [...cors.allowedHeaders, ...requestHeaders],
        exposedHeaders: [...cors.exposedHeaders, ...answerHeaders],
        maxAge: preflightSeconds,
      }),
  });
}
