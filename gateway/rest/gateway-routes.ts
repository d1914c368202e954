// The routes that describe the gateway itself: whether it is alive and ready, and its metrics.
import { type Route, route } from "./call.ts";
import { contentTypeOf } from "./formats.ts";
import { checkReady } from "./ready.ts";
import { schemaOf } from "./schemas.ts";

export const gatewayRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/healthz",
    summary: "Whether the gateway is alive",
    doc: "200 as long as the process responds, whatever the state of the accessor.",
    rpc: undefined,
    query: {},
    formats: ["json"],
    answer: { json: schemaOf("Status") },
    example: "/healthz",
    handle: async () => ({ body: { status: "ok" } }),
  }),
  route({
    method: "GET",
    path: "/readyz",
    summary: "Whether the gateway can answer requests",
    doc: "200 while the accessor reports that it is serving; otherwise 503 with the reason.",
    rpc: undefined,
    query: {},
    formats: ["json"],
    answer: { json: schemaOf("Status") },
    alsoAnswers: [503],
    example: "/readyz",
    handle: checkReady,
  }),
  route({
    method: "GET",
    path: "/metrics",
    summary: "Metrics of the gateway",
    doc:
      "In the text format of Prometheus: hits, misses and bytes of the cache, and memory, " +
      "CPU, event loop and garbage collection of the process. If authentication is on, only " +
      "for admins.",
    rpc: undefined,
    permission: "/metrics",
    query: {},
    formats: ["text"],
    answer: {},
    example: "/metrics",
    handle: async ({ metrics }) => ({ contentType: contentTypeOf("text"), text: await metrics() }),
  }),
];
