// The gateway's part in access: streams end, bodies of refused requests are not read, keys in URLs
// have no effect, and no log contains a secret.
import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BatchSchema, MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { revokeCommand } from "../../accessor/commands/key-actions.ts";
import { openTestAccessor } from "../../accessor/testing/accessor.ts";
import { idOf, openClients } from "../../accessor/testing/keys.ts";
import { openUplink } from "../../client/send/uplink.ts";
import { openCheckedGateway } from "../../gateway/testing/gateway.ts";
import { createLog } from "../../runtime/log.ts";
import { type Fixture, openFixture } from "../testing/access.ts";
import { eventually } from "../testing/eventually.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const ask = (path: string, init?: RequestInit) => fetch(fixture.gatewayUrl + path, init);

async function newKey(...[key]: Parameters<Fixture["keys"]["create"]>): Promise<string> {
  const text = await fixture.keys.create(key);
  using clients = openClients(fixture.accessor.port, text);
  await eventually("the key is known", () =>
    clients.access.whoAmI({}).then(
      () => true,
      () => false,
    ),
  );
  return text;
}

test("a revoked key ends an SSE feed within 5 s, with the reason as its last event", async () => {
  const key = await newKey({ scope: ["live"] });
  const response = await ask("/signals/state,power/live", {
    headers: { ...bearer(key), accept: "text/event-stream" },
  });
  expect(response.status).toBe(200);
  const chunks = response.body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  expect((await chunks.next()).value).toContain("event: ready");
  const startedMs = performance.now();
  await revokeCommand(idOf(key), fixture.keys.context);
  let rest = "";
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) rest += next.value;
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect(rest).toContain("event: error");
  expect(rest).toContain("UNAUTHENTICATED");
  await eventually(
    "the gateway has forgotten it too",
    async () => (await ask("/machines", { headers: bearer(key) })).status === 401,
  );
});

test("an SSE feed shows the key's machines", async () => {
  const key = await newKey({ scope: ["live"], machine: ["mill-*"] });
  const stop = new AbortController();
  const headers = bearer(key);
  const response = await ask(`/signals/state/live?after=${fixture.start}`, {
    headers,
    signal: stop.signal,
  });
  let shown = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    shown += chunk;
    // Stored last, so once it is shown, everything before it has been passed over.
    if (shown.includes("mill-2")) break;
  }
  stop.abort();
  expect(shown).toContain("mill-1");
  expect(shown).not.toContain("press-1");
});

test("a machine that is not for the key looks like one that has sent nothing, wherever it is asked for by name", async () => {
  const headers = bearer(await newKey({ scope: ["read"], machine: ["mill-*"] }));
  const answers = async (machine: string) => {
    const from = "from=2026-01-01T00:00:00Z";
    const paths = [
      "/signals?",
      "/signals/state/latest?",
      `/signals/power?${from}`,
      `/signals/power/buckets?${from}`,
      `/signals/state/intervals?${from}`,
      `/machines/summary?${from}`,
      `/signals/power?format=csv&${from}`,
      `/signals/power?format=ndjson&${from}`,
    ].map((path) => `${path}&machine=${machine}`);
    const summary = `/machines/${machine}/summary?${from}&to=2026-01-02T00:00:00Z`;
    return Promise.all(
      [...paths, summary].map(async (path) => {
        const response = await ask(path, { headers });
        const text = (await response.text()).replaceAll(machine, "M");
        // Cursors and the moments that open ends resolve to differ between any two answers.
        return [
          path.replaceAll(machine, "M"),
          response.status,
          text.replace(/"(cursor|to)":"[^"]*"/g, ""),
        ];
      }),
    );
  };
  const forbidden = await answers("press-1");
  expect(forbidden).toEqual(await answers("press-9"));
  expect(forbidden.map(([, status]) => status)).toEqual([...Array(8).fill(200), 404]);
  expect(forbidden.at(-1)![2]).toContain('"reason":"MACHINE_UNKNOWN"');
});

/** The answer to a request whose body never comes. */
async function answerBeforeBody(head: string[]): Promise<string> {
  const { port } = new URL(fixture.gatewayUrl);
  const socket: Socket = connectTcp(Number(port), "127.0.0.1");
  try {
    socket.write(`${[...head, "host: x", "content-length: 20000000"].join("\r\n")}\r\n\r\n`);
    let answer = "";
    for await (const chunk of socket.setEncoding("utf8")) {
      answer += chunk;
      if (answer.includes("UNAUTHENTICATED") || answer.includes("PERMISSION_DENIED")) return answer;
    }
    return answer;
  } finally {
    socket.destroy();
  }
}

test.each([
  ["REST", ["POST /signals HTTP/1.1", "content-type: application/json"]],
  ["REST, lines", ["POST /signals HTTP/1.1", "content-type: application/x-ndjson"]],
])("%s: refused before the body has come", async (_, head) => {
  expect(await answerBeforeBody(head)).toMatch(/^HTTP\/1\.1 401 [\s\S]*www-authenticate: Bearer/i);
  const reader = await newKey({ scope: ["read"] });
  const answer = await answerBeforeBody([...head, `x-api-key: ${reader}`]);
  expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  expect(answer).toContain('"metadata":{"scope":"write"}');
});

test("Connect: refused before the body has come", async () => {
  const head = [
    "POST /millrace.v1.IngestService/IngestBatch HTTP/1.1",
    "content-type: application/proto",
  ];
  const answer = await answerBeforeBody([...head, "connect-protocol-version: 1"]).catch(String);
  expect(answer).toMatch(/^HTTP\/1\.1 401 [\s\S]*www-authenticate: Bearer/i);
});

test("a key in the URL is nothing", async () => {
  for (const name of ["key", "api_key", "access_token", "authorization", "x-api-key"])
    expect((await ask(`/machines?${name}=${fixture.admin}`)).status).toBe(401);
  const path = "/millrace.v1.SignalService/ListMachines?connect=v1&encoding=json&message=%7B%7D";
  expect((await ask(`${path}&authorization=Bearer%20${fixture.admin}`)).status).toBe(401);
  expect((await ask(path, { headers: bearer(fixture.admin) })).status).toBe(200);
});

test("a key for one producer posts without naming one, and the Idempotency-Keys of two keys are each its own", async () => {
  const rights = { scope: ["write" as const], machine: ["mill-*"] };
  const [mine, theirs] = [
    await newKey({ ...rights, producer: ["line-7"] }),
    await newKey({ ...rights, producer: ["line-8"] }),
  ];
  const post = async (
    key: string,
    value: number,
    fields: object = {},
    headers: Record<string, string> = {},
  ) => {
    const signals = [
      {
        machine: "mill-1",
        signal: "heat",
        time: new Date(Date.now() - 60_000).toISOString(),
        value,
      },
    ];
    const body = JSON.stringify({ signals, ...fields });
    const answer = await ask("/signals", {
      method: "POST",
      body,
      headers: { ...bearer(key), "content-type": "application/json", ...headers },
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  expect(await post(mine, 1)).toMatchObject({ status: 200, body: { accepted: 1 } });
  const once = { "idempotency-key": "one-for-both" };
  const first = await post(mine, 2, {}, once);
  expect(first).toMatchObject({ status: 200, body: { results: [{ duplicate: false }] } });
  const second = await post(theirs, 3, {}, once);
  // Other content under the same key would be a conflict for the same producer.
  expect(second).toMatchObject({ status: 200, body: { results: [{ duplicate: false }] } });
  const numbered = (producer_id: string) => ({ producer_id, sequence: 1 });
  expect(await post(mine, 4, numbered("line-7"))).toMatchObject({ status: 200 });
  for (const id of ["line-8", "line-70"])
    expect(await post(mine, 5, numbered(id))).toMatchObject({
      status: 403,
      body: { reason: "PERMISSION_DENIED" },
    });
  // A client may not give such an id, not even its own.
  for (const id of [String(first.body["producer_id"]), "rest:1"])
    expect(await post(mine, 6, numbered(id))).toMatchObject({
      status: 400,
      body: { field: "producer_id" },
    });
});

test("a producer shows its key, and a spool writes under its id and its backlog's", async () => {
  const key = await newKey({ scope: ["write"], machine: ["mill-*"], producer: ["line-9*"] });
  const spoolDir = await mkdtemp(join(tmpdir(), "millrace-key-"));
  try {
    const log = createLog({
      name: "uplink",
      level: "debug",
      format: "json",
      sink: (line) => fixture.lines.push(line),
    });
    await using uplink = await openUplink({
      accessor: fixture.accessorUrl,
      apiKey: key,
      spoolDir,
      producerId: "line-9",
      log,
    });
    const time = timestampFromMs(Date.now() - 1_000);
    await uplink.append(
      create(BatchSchema, {
        machine: "mill-9",
        stateChanges: [{ time, state: MachineState.IDLE }],
      }),
    );
    expect(await uplink.close({ waitMs: 5_000 })).toEqual({ unackedBatches: 0, unackedRecords: 0 });
  } finally {
    await rm(spoolDir, { recursive: true });
  }
  const { signals } = (await (
    await ask("/signals/state/latest?machine=mill-9", { headers: bearer(fixture.admin) })
  ).json()) as { signals: object[] };
  expect(signals.length).toBe(1);
});

test("health and the reference are open, and so is asking which methods there are", async () => {
  for (const path of ["/healthz", "/readyz", "/", "/docs", "/openapi.json"])
    expect((await ask(path)).status).toBe(200);
  expect((await ask("/signals", { method: "OPTIONS" })).status).toBe(204);
  expect((await ask("/nowhere")).status).toBe(404);
});

test("where authentication is off, any credential or none will do", async () => {
  await using accessor = await openTestAccessor();
  const log = createLog({ name: "gateway", level: "silent" });
  const accessorUrl = `http://127.0.0.1:${accessor.port}`;
  await using gateway = await openCheckedGateway({ host: "127.0.0.1", port: 0, accessorUrl, log });
  for (const headers of [
    {},
    { authorization: "Basic abc" },
    { "x-api-key": "ä" },
    bearer(fixture.admin),
  ] as Record<string, string>[]) {
    const response = await fetch(`http://127.0.0.1:${gateway.port}/machines`, { headers });
    expect(response.status).toBe(200);
  }
});

// Last: it reads the logs that the tests before it have caused.
test("no log has a secret, and refusals are told", () => {
  const all = fixture.lines.join("");
  const secrets = fixture.keys.printed.map((key) => key.slice(16));
  expect(secrets.length).toBeGreaterThan(3);
  for (const secret of secrets) expect(all).not.toContain(secret);
  expect(all).toMatch(/"level":"warn","name":"gateway".*"audit":"refused"/);
  expect(all).toContain('"path":"/machines"');
});
