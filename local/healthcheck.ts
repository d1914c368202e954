// For container health checks: exits with 0 if an accessor (standard gRPC health) or a URL of the gateway says it is ready.
import { createClient } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus } from "#gen/grpc/health/v1/health_pb.ts";
import { ConfigError, setting } from "../runtime/config.ts";
import { url } from "../runtime/config-values.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { run } from "../runtime/lifecycle.ts";

const http = url({ schemes: ["http"] });
const timeoutMs = 3000;

async function checkGrpc(baseUrl: string, signal: AbortSignal): Promise<void> {
  using transport = createGrpcTransport({ baseUrl });
  const { status } = await createClient(Health, transport).check({ service: "" }, { signal, timeoutMs });
  if (status !== HealthCheckResponse_ServingStatus.SERVING) throw new Error(`${baseUrl} does not serve`);
}

async function checkHttp(address: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(address, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${address} answers ${response.status}`);
}

await run({
  name: "healthcheck",
  about: "exits with 0 if a service is ready, else with 1",
  settings: {
    grpc: setting({ flag: "grpc", parse: http, optional: true, doc: "an accessor to ask by gRPC health" }),
    http: setting({ flag: "http", parse: http, optional: true, doc: "a URL that must answer with 2xx" }),
  },
  async open({ settings, signal }) {
    if (!settings.grpc && !settings.http) throw new ConfigError(["give --grpc or --http, or both"]);
    if (settings.grpc) await checkGrpc(settings.grpc, signal);
    if (settings.http) await checkHttp(settings.http, signal);
    return { done: Promise.resolve(), async [Symbol.asyncDispose]() {} };
  },
});
