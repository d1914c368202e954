// For container health checks: exits with 0 if an accessor (standard gRPC health) or a URL of the
// gateway says it is ready.
import { once } from "node:events";
import { get as getHttp, type IncomingMessage } from "node:http";
import { get as getHttps } from "node:https";
import { createClient } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus } from "#gen/grpc/health/v1/health_pb.ts";
import { ConfigError, setting } from "../runtime/config.ts";
import { text, url } from "../runtime/config-values.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { run } from "../runtime/lifecycle.ts";
import { type Certificates, openCertificates } from "../runtime/tls/certificates.ts";

const address = url({ schemes: ["http", "https"] });
const file = text({ placeholder: "FILE", expects: "a file" });
const timeoutMs = 3000;

type Asking = { abort: AbortSignal; certificates: Certificates };

async function checkGrpc(baseUrl: string, { abort, certificates }: Asking): Promise<void> {
  using transport = createGrpcTransport({ baseUrl, certificates });
  const { status } = await createClient(Health, transport).check(
    { service: "" },
    { signal: abort, timeoutMs },
  );
  if (status !== HealthCheckResponse_ServingStatus.SERVING)
    throw new Error(`${baseUrl} does not serve`);
}

async function checkHttp(target: string, { abort, certificates }: Asking): Promise<void> {
  const get = target.startsWith("https:") ? getHttps : getHttp;
  const limited = AbortSignal.any([abort, AbortSignal.timeout(timeoutMs)]);
  const request = get(target, { ...certificates.current, agent: false, signal: limited });
  const [{ statusCode = 0 }] = (await once(request, "response")) as [IncomingMessage];
  request.destroy();
  if (statusCode < 200 || statusCode > 299) throw new Error(`${target} answers ${statusCode}`);
}

await run({
  name: "healthcheck",
  about: "exits with 0 if a service is ready, else with 1",
  settings: {
    grpc: setting({
      flag: "grpc",
      parse: address,
      optional: true,
      doc: "an accessor to check by gRPC health",
    }),
    http: setting({
      flag: "http",
      parse: address,
      optional: true,
      doc: "a URL that must answer with 2xx",
    }),
    ca: setting({
      flag: "ca",
      parse: file,
      optional: true,
      doc: "with https: PEM file of the certificate authorities to trust",
    }),
    cert: setting({
      flag: "cert",
      parse: file,
      optional: true,
      doc: "with https: PEM file with a client certificate to present",
    }),
    key: setting({
      flag: "key",
      parse: file,
      optional: true,
      doc: "PEM file with the key of that certificate",
    }),
  },
  async open({ settings, abort, log }) {
    const { grpc, http, ca, cert, key } = settings;
    if (!grpc && !http) throw new ConfigError(["give --grpc or --http, or both"]);
    if ((cert === undefined) !== (key === undefined))
      throw new ConfigError(["--cert and --key must be given together"]);
    using certificates = await openCertificates({ ca, cert, key }, { log });
    if (grpc) await checkGrpc(grpc, { abort, certificates });
    if (http) await checkHttp(http, { abort, certificates });
    return { done: Promise.resolve(), async [Symbol.asyncDispose]() {} };
  },
});
