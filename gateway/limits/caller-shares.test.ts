// A caller's share at the gateway: exports and feeds by key and address, the answer to each beyond
// it, and that all of it is returned.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { Scope } from "#gen/millrace/v1/access_pb.ts";
import { forwardedClientHeader } from "../../access/forwarded-client.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { openTestGateway } from "../testing/gateway.ts";
import { unlimited } from "./limit-settings.ts";

const untilAborted = (abort: AbortSignal) =>
  new Promise<never>((_, reject) =>
    abort.addEventListener("abort", () => reject(abort.reason), { once: true }),
  );

async function open(shares: Partial<typeof unlimited.shares>, streamsPerKey?: number) {
  const perKey = { ...unlimited.perKey, streams: streamsPerKey };
  const limits = { ...unlimited, perKey, shares: { ...unlimited.shares, ...shares } };
  const gateway = await openTestGateway({ limits });
  const seen: { network: string | null; reads: number } = { network: null, reads: 0 };
  gateway.accessor.signals = {
    listSignals: () => ({ signals: [] }),
    async *readSignals(_, { signal: abort, requestHeader }) {
      seen.reads++;
      seen.network = requestHeader.get(forwardedClientHeader);
      yield { cursor: "c1" };
      await untilAborted(abort);
    },
    async *watchSignals(_, { signal: abort }) {
      yield { after: "c1", through: "c1" };
      await untilAborted(abort);
    },
  };
  gateway.accessor.access = {
    whoAmI: (_, { requestHeader }) => ({
      principal: { id: requestHeader.get("authorization")?.slice(7) ?? "", scopes: [Scope.ADMIN] },
    }),
  };
  const leave = new AbortController();
  const ask = (path: string, key: string) =>
    fetch(gateway.baseUrl + path, {
      headers: { authorization: `Bearer ${key}` },
      signal: leave.signal,
    });
  return {
    ...gateway,
    seen,
    leave,
    ask,
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

test("one key has a quarter of the exports and is told when to come again; others have theirs", async () => {
  await using fixture = await open({ maxExports: 16 });
  const { ask, leave, borrowed } = fixture;
  const path = "/signals/power?format=ndjson";
  for (let i = 0; i < 4; i++) expect((await ask(path, "greedy")).status).toBe(200);
  const refused = await ask(path, "greedy");
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
  expect(await refused.json()).toMatchObject({
    reason: "RATE_LIMITED",
    metadata: { limit: "exports-per-key" },
    detail:
      "this credential has its share of concurrent exports (--max-exports): wait until some end, or try again in a second",
  });
  // The same by Connect, whose stream ends with it.
  const call = await fetch(`${fixture.baseUrl}/millrace.v1.SignalService/ReadSignals`, {
    method: "POST",
    headers: { authorization: "Bearer greedy", "content-type": "application/connect+json" },
    body: '\0\0\0\0\x15{"signals":["power"]}',
  });
  expect(await call.text()).toContain(
    '{"error":{"code":"resource_exhausted","message":"this credential has its share of concurrent exports',
  );
  expect(fixture.seen.reads).toBe(4);
  expect((await ask(path, "good")).status).toBe(200);
  expect(fixture.seen.network).toBe("127.0.0.1");
  expect((await ask("/signals", "greedy")).status).toBe(200);
  expect(borrowed()).toMatchObject({ exports: 5, "upstream-streams": 5 });
  const metrics = await (await ask("/metrics", "good")).text();
  expect(metrics).toContain(
    'millrace_refusals_total{reason="RATE_LIMITED",limit="exports-per-key"} 2',
  );
  expect(metrics).toContain('millrace_borrowed{what="exports"} 5');
  leave.abort();
  await eventually("all is given back", () =>
    Object.values(borrowed()).every((amount) => amount === 0),
  );
});

test("one key has half of the feeds, the next half of the rest; where there is no more, that is said", async () => {
  await using fixture = await open({ maxFeeds: 4 });
  const { ask, leave, borrowed } = fixture;
  const answers = [];
  for (const key of ["a", "a", "a", "b", "b", "c", "d"])
    answers.push((await ask("/signals/power/live?format=ndjson", key)).status);
  expect(answers).toEqual([200, 200, 429, 200, 429, 200, 429]);
  const refused = await ask("/signals/power/live", "e");
  expect(await refused.json()).toMatchObject({
    reason: "OVERLOADED",
    metadata: { limit: "feeds" },
  });
  leave.abort();
  await eventually("all is given back", () =>
    Object.values(borrowed()).every((amount) => amount === 0),
  );
});

test("whose answers are not read gets no new ones until they are; others do", async () => {
  await using fixture = await open({ unreadBytes: 200_000 });
  const { ask, borrowed } = fixture;
  fixture.accessor.signals.listSignals = () => ({
    signals: Array.from({ length: 3_000 }, (_, i) => ({ name: `signal_${i}` })),
  });
  const deaf = connectHttp2(fixture.baseUrl, { settings: { initialWindowSize: 1_000 } });
  const unread = deaf.request({ ":path": "/signals", authorization: "Bearer greedy" });
  unread.on("error", () => {}).pause();
  await eventually("it waits", () => borrowed()["unread-bytes"]! > 150_000);
  const refused = await ask("/signals", "greedy");
  expect(refused.status).toBe(429);
  fixture.accessor.signals.listSignals = () => ({ signals: [] });
  expect((await ask("/signals", "good")).status).toBe(200);
  deaf.destroy();
  await eventually("it may again", async () => (await ask("/signals", "greedy")).status === 200);
});

test.each([
  "/signals/power/live",
  "/signals/power?format=ndjson",
  "/millrace.v1.SignalService/WatchSignals",
])("a client that leaves while it is let in leaves nothing behind: %s", async (path) => {
  await using fixture = await open({}, 5);
  const asked = Promise.withResolvers<void>();
  const letIn = Promise.withResolvers<void>();
  fixture.accessor.access = {
    async whoAmI() {
      asked.resolve();
      await letIn.promise;
      return { principal: { id: "k", scopes: [Scope.ADMIN] } };
    },
  };
  const socket = connect(fixture.port, "127.0.0.1");
  const post =
    "POST\r\ncontent-type: application/connect+json\r\ncontent-length: 7\r\n\r\n\0\0\0\0\x02{}".split(
      "POST",
    );
  const isPost = path.startsWith("/millrace");
  const head = `${isPost ? "POST" : "GET"} ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer k`;
  socket.write(head + (isPost ? post[1] : "\r\n\r\n"), "latin1");
  await asked.promise;
  socket.destroy();
  await eventually("the gateway has noticed", () => fixture.borrowed()["requests"] === 0);
  letIn.resolve();
  for (let i = 0; i < 5; i++) await fetch(`${fixture.baseUrl}/healthz`);
  await eventually("nothing is held", () =>
    Object.values(fixture.borrowed()).every((amount) => amount === 0),
  );
  // Long enough for a stream to have been opened without a client.
  expect((await fixture.ask("/signals", "k")).status).toBe(200);
  expect(fixture.borrowed()["limited-streams"]).toBe(0);
});
