// Limits by client through a real gateway: refusals, in the form of each protocol, before a body is
// read; on a clock of the test's own.
import { once } from "node:events";
import { connect } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { Scope } from "#gen/millrace/v1/access_pb.ts";
import { type IngestBatchRequest, IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { readSettings } from "../../runtime/config.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { takeEverything } from "../testing/accessor.ts";
import { openTestGateway } from "../testing/gateway.ts";
import { type GatewayLimits, limitSettings, toLimits, unlimited } from "./limit-settings.ts";

const nothing = unlimited.perKey;

async function openLimited(limits: Partial<GatewayLimits>) {
  const clock = { nowMs: 0 };
  const lines: string[] = [];
  const log = createLog({ name: "test", sink: (line) => lines.push(line) });
  const all = { ...unlimited, limitLoopback: true, ...limits, monotonicMs: () => clock.nowMs };
  const gateway = await openTestGateway({ limits: all, log });
  gateway.accessor.signals = { listSignals: () => ({ signals: [] }) };
  return { ...gateway, clock, lines, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

/** Every caller's principal is its credential. */
const named = {
  whoAmI: (_: unknown, { requestHeader }: { requestHeader: Headers }) => ({
    principal: { id: requestHeader.get("authorization")?.slice(7) ?? "", scopes: [Scope.ADMIN] },
  }),
};

test("requests over an address's rate are 429 with the reason, Retry-After and the draft's headers, until time has passed", async () => {
  await using fixture = await openLimited({
    perAddress: { ...nothing, requests: { perSecond: 0.5, burst: 2 } },
  });
  const { ask, clock } = fixture;
  const [first, second, third] = [
    await ask("/signals"),
    await ask("/nowhere"),
    await ask("/signals"),
  ];
  expect([first.status, second.status, third.status]).toEqual([200, 404, 429]);
  expect(first.headers.get("ratelimit-policy")).toBe('"requests-per-address";q=2;w=4');
  expect(first.headers.get("ratelimit")).toBe('"requests-per-address";r=1;t=2');
  expect(first.headers.get("retry-after")).toBe(null);
  expect(third.headers.get("content-type")).toMatch("application/problem+json");
  expect(third.headers.get("retry-after")).toBe("2");
  expect(third.headers.get("ratelimit")).toBe('"requests-per-address";r=0;t=2');
  expect(third.body).toMatchObject({
    type: "urn:millrace:v1:RATE_LIMITED",
    reason: "RATE_LIMITED",
    status: 429,
    instance: "/signals",
    metadata: { limit: "requests-per-address" },
    "violated-policies": ["requests-per-address"],
  });
  clock.nowMs = 2_000;
  expect((await ask("/signals")).status).toBe(200);
  expect(
    fixture.lines.filter((line) => line.includes('"reason":"requests-per-address"')).length,
  ).toBe(1);
});

test("a limit is told in the words of gRPC, gRPC-Web and Connect", async () => {
  await using fixture = await openLimited({
    perAddress: { ...nothing, requests: { perSecond: 0.1, burst: 1 } },
  });
  const { baseUrl, clock } = fixture;
  await fixture.ask("/signals");
  const transports = [
    createGrpcTransport({ baseUrl }),
    createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    createConnectTransport({ baseUrl, httpVersion: "2", useHttpGet: true }),
  ];
  for (const transport of transports) {
    const error = await createClient(SignalService, transport)
      .listSignals({})
      .catch((thrown) => ConnectError.from(thrown));
    if (!(error instanceof ConnectError)) throw new Error("let in");
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.findDetails(ErrorInfoSchema)[0]).toMatchObject({
      reason: "RATE_LIMITED",
      metadata: { limit: "requests-per-address" },
    });
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBe(10n);
    expect(error.metadata.get("retry-after")).toBe("10");
  }
  clock.nowMs = 10_000;
  const metrics = await (await fetch(`${baseUrl}/metrics`)).text();
  expect(metrics).toContain(
    'millrace_refusals_total{reason="RATE_LIMITED",limit="requests-per-address"} 4',
  );
});

test("keys have limits each of their own, and addresses others beside", async () => {
  await using fixture = await openLimited({
    perKey: { ...nothing, requests: { perSecond: 1, burst: 1 } },
    perAddress: { ...nothing, requests: { perSecond: 1, burst: 4 } },
  });
  fixture.accessor.access = named;
  const as = (key: string) =>
    fixture.ask("/signals", { headers: { authorization: `Bearer ${key}` } });
  expect([(await as("a")).status, (await as("a")).status, (await as("b")).status]).toEqual([
    200, 429, 200,
  ]);
  const last = await as("c");
  expect(last.headers.get("ratelimit")).toBe(
    '"requests-per-address";r=0;t=4, "requests-per-key";r=0;t=1',
  );
  // The address is checked before the accessor is asked about the key.
  expect((await as("d")).body["metadata"]).toEqual({ limit: "requests-per-address" });
});

test("a body is not waited for: the refusal comes with the headers", async () => {
  await using fixture = await openLimited({
    perAddress: { ...nothing, requests: { perSecond: 0.1, burst: 1 } },
  });
  await fixture.ask("/signals");
  const socket = connect(fixture.port, "127.0.0.1");
  socket.write(
    "POST /signals HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n",
  );
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 429 /);
  socket.destroy();
});

test("addresses of this machine have no limits unless that is asked for", async () => {
  await using fixture = await openLimited({
    limitLoopback: false,
    perAddress: { ...nothing, requests: { perSecond: 0.1, burst: 1 } },
  });
  const answers = [await fixture.ask("/signals"), await fixture.ask("/signals")];
  expect(answers.map(({ status, headers }) => [status, headers.get("ratelimit")])).toEqual([
    [200, null],
    [200, null],
  ]);
});

test("behind a trusted proxy each client has its own", async () => {
  await using fixture = await openLimited({
    limitLoopback: false,
    trustedProxies: { addresses: ["127.0.0.1"] },
    perAddress: { ...nothing, requests: { perSecond: 0.1, burst: 1 } },
  });
  const from = async (address: string) =>
    (await fixture.ask("/signals", { headers: { "x-forwarded-for": address } })).status;
  expect([await from("192.0.2.1"), await from("192.0.2.1"), await from("192.0.2.2")]).toEqual([
    200, 429, 200,
  ]);
  expect([
    await from("2001:db8::1"),
    await from("2001:db8::ffff:1"),
    await from("6.6.6.6, 192.0.2.1"),
  ]).toEqual([200, 429, 429]);
});

test("streams are counted while they last", async () => {
  await using fixture = await openLimited({ perAddress: { ...nothing, streams: 1 } });
  fixture.accessor.signals.watchSignals = async function* (_, { signal: abort }) {
    yield { after: "c1", through: "c1" };
    await once(abort, "abort");
  };
  const leave = new AbortController();
  const live = await fetch(`${fixture.baseUrl}/signals/power/live`, { signal: leave.signal });
  expect(live.status).toBe(200);
  const second = await fixture.ask("/signals/power/live");
  expect([second.status, second.body["metadata"]]).toEqual([429, { limit: "streams-per-address" }]);
  expect((await fixture.ask("/signals")).status).toBe(200);
  leave.abort();
  await eventually("the place is free again", async () => {
    const again = new AbortController();
    const { status } = await fetch(`${fixture.baseUrl}/signals/power/live`, {
      signal: again.signal,
    });
    again.abort();
    return status === 200;
  });
});

const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    machine: "m",
    signal: "power",
    time: `2026-03-01T08:00:00.${String(i).padStart(3, "0")}Z`,
    value: i,
  }));

test("what one key sends too much of, another one behind the same address does not pay for", async () => {
  await using fixture = await openLimited({
    perKey: { ...nothing, samples: { perSecond: 10, burst: 10 } },
    perAddress: { ...nothing, samples: { perSecond: 10, burst: 10 } },
  });
  fixture.accessor.access = named;
  fixture.accessor.ingest = takeEverything([]);
  const as = (key: string, count: number) =>
    fixture.ask("/signals", {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ signals: rows(count) }),
    });
  expect((await as("greedy", 400)).status).toBe(200);
  const refused = await as("greedy", 1);
  expect([refused.status, refused.body["metadata"]]).toEqual([429, { limit: "samples-per-key" }]);
  const good = await as("good", 10);
  expect([good.status, good.body["accepted"]]).toEqual([200, 10]);
});

test("records are counted as they come, and what is over the rate is owed by the next request", async () => {
  await using fixture = await openLimited({
    perAddress: { ...nothing, samples: { perSecond: 10, burst: 10 } },
  });
  const taken: IngestBatchRequest[] = [];
  fixture.accessor.ingest = takeEverything(taken);
  const client = createClient(
    IngestService,
    createConnectTransport({ baseUrl: fixture.baseUrl, httpVersion: "1.1" }),
  );
  const sendBatch = () =>
    client
      .ingestBatch({
        producerId: "p",
        sequence: 1n,
        batch: { machine: "m", stateChanges: Array.from({ length: 30 }, () => ({})) },
      })
      .then(
        () => "stored",
        (error) => Code[ConnectError.from(error).code],
      );
  expect((await fixture.post("/signals", { signals: rows(40) })).status).toBe(200);
  const refused = await fixture.post("/signals", { signals: rows(1) });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "4"]);
  expect(await sendBatch()).toBe("ResourceExhausted");
  // Reads are not affected.
  expect((await fixture.ask("/signals")).status).toBe(200);
  fixture.clock.nowMs = 3_100;
  expect(await sendBatch()).toBe("stored");
  expect(await sendBatch()).toBe("ResourceExhausted");
  expect(taken.length).toBe(2);
});

test("a streamed body over the rate is read more slowly, not refused", async () => {
  await using fixture = await openLimited({
    perAddress: { ...nothing, samples: { perSecond: 1e6, burst: 1 } },
  });
  const taken: IngestBatchRequest[] = [];
  fixture.accessor.ingest = takeEverything(taken);
  const lines = rows(900).map((row) => JSON.stringify(row));
  const body = Array.from({ length: 50 }, () => lines.join("\n")).join("\n");
  const answer = await fixture.ask("/signals", {
    method: "POST",
    body,
    headers: { "content-type": "application/x-ndjson" },
  });
  expect([answer.status, answer.body["accepted"]]).toEqual([200, 45_000]);
  expect(taken.length).toBeGreaterThan(1);
});

test("settings become limits; 0 is none", () => {
  const read = (...argv: string[]) =>
    toLimits(readSettings({ name: "", about: "", settings: limitSettings }, argv));
  expect(read().perKey).toEqual({
    requests: { perSecond: 500, burst: 5_000 },
    samples: { perSecond: 1e6, burst: 1e7 },
    streams: 1_000,
  });
  const { perAddress } = read(
    "--address-requests-per-second",
    "0",
    "--address-samples-per-second",
    "7",
    "--address-streams",
    "0",
    "--rate-burst",
    "2s",
  );
  expect(perAddress).toEqual({
    requests: undefined,
    samples: { perSecond: 7, burst: 14 },
    streams: undefined,
  });
  expect(() => read("--trusted-proxy", "proxy.example")).toThrow(/an address or a range/);
});
