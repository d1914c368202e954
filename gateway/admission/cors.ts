// Which pages of other origins may ask the gateway from a browser, and what they may send and see.
// Without origins: none.

import { cors } from "@connectrpc/connect";
import fastifyCors from "@fastify/cors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ValueReader } from "../../runtime/config-values.ts";

/** What a page may send beside what Connect and gRPC-Web do. */
const requestHeaders = [
  "Authorization",
  "X-Api-Key",
  "Idempotency-Key",
  "Last-Event-ID",
  "If-None-Match",
  "Cache-Control",
];

/** What a script may read of an answer beside what Connect and gRPC-Web need. */
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

/** Browsers ask again after this long; Chromium takes no more. */
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
 * Answers preflights, before anyone asks who calls (they never say), and marks the answers that a
 * page may read; every route that is mounted later has it. Cookies and other credentials of the
 * browser's are not let in for anyone: a key travels in a header.
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
        // Any other OPTIONS asks which methods there are.
        preflight: request.headers["access-control-request-method"] !== undefined,
        credentials: false,
        methods: ["GET", "HEAD", "POST", "PATCH"],
        allowedHeaders: [...cors.allowedHeaders, ...requestHeaders],
        exposedHeaders: [...cors.exposedHeaders, ...answerHeaders],
        maxAge: preflightSeconds,
      }),
  });
}
