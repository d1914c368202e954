// For tests: rows as lines of NDJSON, and a way to post them to a gateway.
import type { TestGateway } from "./gateway.ts";

export const ndjson = "application/x-ndjson";

/** A sample of power as a line. */
export const row = (machine: string, value: number | string, more = {}) =>
  JSON.stringify({ machine, signal: "power", time: "2026-03-01T08:00:00Z", value, ...more });

/** Posts a body to /signals as NDJSON. A stream is sent while it is read. */
export const postLines = (
  gateway: TestGateway,
  body: string | ReadableStream<Uint8Array>,
  { headers = {}, query = "" }: { headers?: Record<string, string>; query?: string } = {},
) =>
  gateway.ask(`/signals${query}`, {
    method: "POST",
    body,
    headers: { "content-type": ndjson, ...headers },
    ...(typeof body === "string" ? {} : { duplex: "half" }),
  } as RequestInit);
