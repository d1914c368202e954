// Every method and every route, in every protocol, with every kind of credential: which calls are
// permitted, and which records they return.
import { createFileRegistry, type DescService, toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "#gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "#gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { listedMethods, pathOf } from "../../access/matrix.ts";
import { permissionOf } from "../../gateway/rest/call.ts";
import { routes } from "../../gateway/rest/routes.ts";
import {
  type Fixture,
  makeCredentials,
  openFixture,
  openTransports,
  type Protocol,
  put,
} from "../testing/access.ts";
import { eventually } from "../testing/eventually.ts";

const services: readonly DescService[] = [
  SignalService,
  IngestService,
  AccessService,
  StatusService,
  MachineService,
  Health,
  ServerReflection,
  ServerReflectionAlpha,
];
const methods = services.flatMap((service) => service.methods);
const protocols: Protocol[] = ["gRPC", "gRPC through the gateway", "gRPC-Web", "Connect"];
const credentials = [
  "none",
  "wrong",
  "unreadable",
  "expired",
  "revoked",
  "read",
  "live",
  "write",
  "admin",
  "foreign",
];

/**
 * Stated here independently of the table under test: the scopes that permit a call; undefined: open
 * to all.
 */
function scopesFor(path: string): readonly string[] | undefined {
  if (path.startsWith("/grpc.health.")) return undefined;
  if (path.startsWith("/grpc.reflection.") || path.endsWith("/WhoAmI"))
    return ["read", "live", "write", "admin", "foreign"];
  // Its answer contains no machines.
  if (path === "/metrics") return ["admin", "foreign"];
  // It shows all machines together, and each of these credentials is for some.
  if (path.endsWith("/GetStatus")) return [];
  if (path.endsWith("/RedeclareSignal") || path.endsWith("/UpdateMachine")) return ["admin"];
  if (path.includes("IngestService")) return ["write", "admin", "foreign"];
  return [path.includes("Watch") ? "live" : "read", "admin", "foreign"];
}

function expected(path: string, credential: string): string {
  const scopes = scopesFor(path);
  if (scopes === undefined) return "allowed";
  if (credentials.indexOf(credential) < credentials.indexOf("read")) return "UNAUTHENTICATED";
  return scopes.includes(credential) ? "allowed" : "PERMISSION_DENIED";
}

const startTime = { seconds: BigInt(Math.floor(Date.now() / 1000) - 3_600) };
let sequence = 0n;
const requests: Record<string, () => object> = {
  QuerySignals: () => ({ signal: "power" }),
  AggregateSamples: () => ({ signals: ["power"], startTime }),
  SummarizeMachines: () => ({ startTime }),
  AggregateStates: () => ({ startTime }),
  GetVersion: () => ({ query: { case: "summarizeMachines", value: { startTime } } }),
  Ingest: () => ({ message: { case: "hello", value: { producerId: "m" } } }),
  IngestBatch: () => ({
    producerId: `rest:m${sequence++}`,
    sequence: 1n,
    batch: { machine: "mill-1" },
  }),
  IngestBatches: () => ({
    producerId: `rest:m${sequence++}`,
    sequence: 1n,
    batches: [{ machine: "mill-1" }],
  }),
  RedeclareSignal: () => ({ machine: "mill-1", signal: "power", maxGap: { seconds: 1n } }),
  GetMachine: () => ({ machine: "mill-1" }),
  UpdateMachine: () => ({ machine: "mill-1", displayName: "Mill 1" }),
  ServerReflectionInfo: () => ({ messageRequest: { case: "listServices", value: "" } }),
};

let fixture: Fixture;
let open: ReturnType<typeof openTransports>;
let texts: Record<string, string | undefined>;
beforeAll(async () => {
  fixture = await openFixture();
  texts = await makeCredentials(fixture);
  open = openTransports(fixture);
});
afterAll(async () => {
  open[Symbol.dispose]();
  await fixture[Symbol.asyncDispose]();
});

test("the table lists what is mounted, all of it and nothing else", async () => {
  const method = ServerReflection.method.serverReflectionInfo;
  const request = requests["ServerReflectionInfo"]!();
  const { answer } = await put(open.transports.gRPC, method, {
    request,
    credential: texts["read"],
  });
  const listed = (
    answer as never as { messageResponse: { value: { service: { name: string }[] } } }
  ).messageResponse;
  const mounted = listed.value.service.map(({ name }) => name);
  const hidden = mounted.filter((name) => !services.some(({ typeName }) => typeName === name));
  expect(hidden).toEqual([]);
  expect([...listedMethods].sort()).toEqual(methods.map(pathOf).sort());
});

test("the status is for those who may see all machines", async () => {
  const credential = await fixture.keys.create({ scope: ["read"] });
  for (const [name, outcome] of [
    [credential, "allowed"],
    [fixture.admin, "allowed"],
    [texts["read"], "PERMISSION_DENIED"],
  ] as const) {
    const ask = () =>
      put(open.transports.gRPC, StatusService.method.getStatus, { request: {}, credential: name });
    await eventually(`it is ${outcome}`, async () => (await ask()).outcome === outcome);
  }
});

describe.each(protocols)("%s", (protocol) => {
  test.each(methods.map((method) => [pathOf(method), method] as const))(
    "%s",
    async (path, method) => {
      const outcomes: [string, string][] = [];
      for (const name of credentials) {
        const request = requests[method.name]?.() ?? {};
        const { outcome, answer } = await put(open.transports[protocol], method, {
          request,
          credential: texts[name],
        });
        outcomes.push([name, outcome]);
        const { typeName } = method.parent;
        if (answer === undefined || typeName !== SignalService.typeName) continue;
        const shown = toJsonString(method.output, answer, { registry: createFileRegistry() });
        expect([name, shown.includes("press-1")]).toEqual([name, false]);
        if (name === "foreign") expect(shown).not.toMatch(/mill|power/);
        else if (
          !["WatchSignals", "ListSignals", "ReadSignals", "GetVersion"].includes(method.name)
        )
          expect(shown).toContain("mill-1");
      }
      expect(outcomes).toEqual(credentials.map((name) => [name, expected(path, name)]));
    },
  );
});

const posted = {
  machine: "mill-1",
  state_changes: [{ time: new Date().toISOString(), state: "MACHINE_STATE_IDLE" }],
};

describe("REST", () => {
  test.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    "%s",
    async (_, route) => {
      const outcomes: [string, string][] = [];
      const patched = route.path.endsWith("{signal}") ? { max_gap: "1s" } : { labels: {} };
      const body = { GET: undefined, POST: posted, PUT: {}, PATCH: patched }[route.method];
      for (const name of credentials) {
        const text = texts[name];
        const stop = new AbortController();
        const response = await fetch(fixture.gatewayUrl + route.example, {
          method: route.method,
          headers: {
            ...(text === undefined ? {} : { "x-api-key": text }),
            ...(body === undefined ? {} : { "content-type": "application/json" }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: stop.signal,
        });
        const { status, headers } = response;
        if (status === 401 || status === 403) {
          const problem = (await response.json()) as { reason: string; status: number };
          expect(headers.get("content-type")).toMatch(/^application\/problem\+json/);
          expect(headers.get("www-authenticate")).toBe(
            status === 401 ? 'Bearer realm="millrace"' : null,
          );
          expect(problem.status).toBe(status);
          outcomes.push([name, problem.reason]);
        } else {
          expect(status).toBeLessThan(500);
          outcomes.push([name, "allowed"]);
          if (name === "foreign" && route.rpc && !route.path.endsWith("/live")) {
            // Values of the request are returned as they were sent; nothing else is.
            expect(
              (await response.text()).replaceAll(route.example.split("?")[0]!, ""),
            ).not.toMatch(/press-1|"W"/);
          }
        }
        stop.abort();
      }
      const path = permissionOf(route);
      expect(outcomes).toEqual(
        credentials.map((name) => [name, path === undefined ? "allowed" : expected(path, name)]),
      );
    },
  );
});
