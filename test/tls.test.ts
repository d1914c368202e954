// Accessor, gateway and producer as processes that speak TLS with each other and with all clients:
// all protocols, SIGHUP, and the cases in which each refuses to listen.
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { json } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcWebTransport,
  createGrpcTransport as createNodeGrpc,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { openKeyFixture } from "../accessor/testing/keys.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { createLog } from "../runtime/log.ts";
import { openCertificates } from "../runtime/tls/certificates.ts";
import {
  type Authority,
  createAuthority,
  type Folder,
  loopback,
  openFolder,
  type Pair,
} from "./testing/certificates.ts";
import { eventually } from "./testing/eventually.ts";
import { testDatabase } from "./testing/postgres.ts";
import { listening, type Program, type Service, startProgram } from "./testing/processes.ts";

const log = createLog({ name: "test", level: "silent" });
const stack = new AsyncDisposableStack();
let authority: Authority;
let folder: Folder;
let databaseUrl: string;
let [ca, gatewayPair] = ["", {} as Pair];
let [accessor, gateway] = [] as unknown as [Service, Service];

beforeAll(async () => {
  authority = await createAuthority();
  folder = stack.use(await openFolder());
  databaseUrl = stack.use(await testDatabase()).url;
  ca = await folder.write("ca.crt", authority.cert);
  // For the gateway's own clients and, as its client certificate, for the accessor.
  gatewayPair = await folder.writePair(
    "gateway",
    await authority.issue({ ...loopback, dns: ["localhost", "gateway"] }),
  );
  accessor = stack.use(await openAccessor());
  gateway = stack.use(await openGateway());
});
afterAll(() => stack.disposeAsync());

async function openAccessor(...more: string[]): Promise<Service> {
  const { cert, key } = await folder.writePair("accessor", await authority.issue(loopback));
  const flags = [
    "--listen",
    "127.0.0.1:0",
    "--tls-cert",
    cert,
    "--tls-key",
    key,
    "--tls-client-ca",
    ca,
  ];
  const names = ["--tls-client-name", "gateway", "--tls-client-name", "mill-*"];
  return listening(
    startProgram("accessor/main.ts", [...flags, ...names, ...more], { DATABASE_URL: databaseUrl }),
  );
}

const shown = ({ cert, key }: Pair) => [
  "--accessor-ca",
  ca,
  "--accessor-cert",
  cert,
  "--accessor-key",
  key,
];
const urlOf = ({ port }: Service) => `https://127.0.0.1:${port}`;

async function openGateway(...more: string[]): Promise<Service> {
  const { cert, key } = gatewayPair;
  const flags = [
    "--listen",
    "127.0.0.1:0",
    "--tls-cert",
    cert,
    "--tls-key",
    key,
    "--accessor",
    urlOf(accessor),
  ];
  return listening(startProgram("gateway/main.ts", [...flags, ...shown(gatewayPair), ...more]));
}

async function get(path: string): Promise<{ status: number; body: unknown }> {
  const request = requestHttps(urlOf(gateway) + path, { ca: authority.cert, agent: false });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return { status: response.statusCode!, body: await json(response) };
}

/**
 * A producer that sends one machine's records of a second, with a pair as its client certificate.
 */
const sendAs = (pair: Pair | undefined, ...more: string[]): Program => {
  const flags = ["--accessor", urlOf(accessor), ...(pair ? shown(pair) : ["--accessor-ca", ca])];
  return startProgram("producer/main.ts", [
    ...flags,
    "--machines",
    "1",
    "--start",
    "-1s",
    "--duration",
    "1s",
    ...more,
  ]);
};

test("a producer sends and every protocol reads, all over TLS", async () => {
  const mine = await folder.writePair("mill-7", await authority.issue({ dns: ["mill-7"] }));
  await using producer = sendAs(mine);
  expect(await producer.ended).toBe(0);
  const { status, body } = await get("/machines");
  expect(status).toBe(200);
  expect(body).toMatchObject({ machines: [expect.anything()] });

  const nodeOptions = { ca: authority.cert };
  const baseUrl = urlOf(gateway);
  using certificates = await openCertificates({ ca, ...gatewayPair }, { log });
  using direct = createGrpcTransport({ baseUrl: urlOf(accessor), certificates });
  using forwarded = createGrpcTransport({ baseUrl, certificates });
  const ways: Record<string, Transport> = {
    "gRPC to the accessor": direct,
    "gRPC by grpc-js": forwarded,
    gRPC: createNodeGrpc({ baseUrl, nodeOptions }),
    "gRPC-Web": createGrpcWebTransport({ baseUrl, httpVersion: "2", nodeOptions }),
    "gRPC-Web over HTTP/1.1": createGrpcWebTransport({ baseUrl, httpVersion: "1.1", nodeOptions }),
    Connect: createConnectTransport({ baseUrl, httpVersion: "2", nodeOptions }),
    "Connect GET over HTTP/1.1": createConnectTransport({
      baseUrl,
      httpVersion: "1.1",
      useHttpGet: true,
      nodeOptions,
    }),
  };
  for (const [way, transport] of Object.entries(ways)) {
    const client = createClient(SignalService, transport);
    expect((await client.listMachines({}, { timeoutMs: 10_000 })).machines, way).toHaveLength(1);
    // In every way, a stream answers before it ends.
    const stop = new AbortController();
    const first = await client
      .watchSignals({}, { signal: stop.signal })
      [Symbol.asyncIterator]()
      .next();
    expect(first.done, way).toBe(false);
    stop.abort();
  }
});

test.each<[who: string, pair: () => Promise<Pair | undefined>]>([
  ["no certificate", async () => undefined],
  ["a certificate of a foreign name", () => authority.issue({ dns: ["press-1"] })],
])(
  "a producer with %s sends nothing, keeps it, and the accessor's log says why",
  async (who, make) => {
    const pair = await make();
    const before = accessor.lines.length;
    await using producer = sendAs(pair && (await folder.writePair(`refused ${who}`, pair)));
    await eventually("the refusal is in the log", () =>
      accessor.lines
        .slice(before)
        .some(
          (line) => line.includes('"audit":"refused"') && line.includes("refused a connection"),
        ),
    );
    await eventually("the producer says that it cannot", () =>
      producer.lines.some((line) => /UNAVAILABLE|unavailable/.test(line)),
    );
  },
);

test("SIGHUP makes the gateway take its new certificate, and a broken one not", async () => {
  const serial = async () => {
    const request = requestHttps(`${urlOf(gateway)}/healthz`, { ca: authority.cert, agent: false });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    return (response.socket as TLSSocket).getPeerCertificate().serialNumber;
  };
  const before = await serial();
  await folder.writePair(
    "gateway",
    await authority.issue({ ...loopback, dns: ["localhost", "gateway"] }),
  );
  gateway.signal("SIGHUP");
  const after = await eventually("the new one is shown", async () => {
    const now = await serial();
    return now !== before && now;
  });
  await folder.write("gateway.key", "broken");
  gateway.signal("SIGHUP");
  await eventually("it is told", () => gateway.lines.some((line) => line.includes("are invalid")));
  expect(await serial()).toBe(after);
  expect((await get("/readyz")).status).toBe(200);
});

test("health checks go over TLS too", async () => {
  const shown = await folder.writePair("probe", await authority.issue({ dns: ["gateway"] }));
  const checks = ["--grpc", urlOf(accessor), "--http", `${urlOf(gateway)}/readyz`];
  await using good = startProgram("local/healthcheck.ts", [
    ...checks,
    "--ca",
    ca,
    "--cert",
    shown.cert,
    "--key",
    shown.key,
  ]);
  expect(await good.ended).toBe(0);
  await using bare = startProgram("local/healthcheck.ts", [...checks, "--ca", ca]);
  expect(await bare.ended).toBe(1);
});

test("beyond this machine a gateway serves nobody while the accessor has authentication off", async () => {
  const flags = ["--listen", "0.0.0.0:0", "--accessor", urlOf(accessor), ...shown(await fresh())];
  const tls = await pairFlags();
  await using refused = startProgram("gateway/main.ts", [...flags, ...tls]);
  expect(await refused.ended).toBe(2);
  expect(refused.lines.join("\n")).toContain("--listen-without-authentication");
  // A client with a certificate is identified by it.
  await using allowed = startProgram("gateway/main.ts", [...flags, ...tls, "--tls-client-ca", ca]);
  await listening(allowed);
  // The accessor is unavailable: whether it requires keys is unknown, so every caller is refused.
  const away = ["--listen", "0.0.0.0:0", "--accessor", "http://127.0.0.1:1"];
  await using waiting = await listening(
    startProgram("gateway/main.ts", [...away, "--listen-without-tls"]),
  );
  expect((await fetch(`${waiting.url}/machines`)).status).toBe(503);
  expect((await fetch(`${waiting.url}/healthz`)).status).toBe(200);
});

test("beyond this machine with TLS and keys, both services listen, and ask for keys", async () => {
  await using own = new AsyncDisposableStack();
  const { url } = own.use(await testDatabase());
  const keys = own.use(await openKeyFixture(url, log));
  const key = await keys.create({ scope: ["read"] });
  const tls = await pairFlags();
  const flags = ["--listen", "0.0.0.0:0", ...tls];
  const env = { DATABASE_URL: url };
  const guarded = own.use(
    await listening(startProgram("accessor/main.ts", [...flags, "--auth", "keys"], env)),
  );
  const dial = ["--accessor", urlOf(guarded), "--accessor-ca", ca];
  const door = own.use(await listening(startProgram("gateway/main.ts", [...flags, ...dial])));
  const ask = async (headers: Record<string, string>) => {
    const request = requestHttps(`${urlOf(door)}/machines`, {
      ca: authority.cert,
      agent: false,
      headers,
    });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  expect(await ask({})).toBe(401);
  await eventually(
    "the key is known",
    async () => (await ask({ authorization: `Bearer ${key}` })) === 200,
  );
});

const fresh = async () =>
  folder.writePair("fresh", await authority.issue({ ...loopback, dns: ["localhost", "gateway"] }));
const pairFlags = async () => {
  const { cert, key } = await fresh();
  return ["--tls-cert", cert, "--tls-key", key];
};
