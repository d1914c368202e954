// The gateway's cached answers, with the real accessor: through random writes, late ones and
// compaction, every client gets what a new answer would contain; and a cached answer costs next to
// nothing.
import { randomInt } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { openTestAccessor } from "../accessor/testing/accessor.ts";
import { type BatchInit, column } from "../accessor/testing/batches.ts";
import { openClients, openKeyFixture } from "../accessor/testing/keys.ts";
import { openCheckedGateway } from "../gateway/testing/gateway.ts";
import { createLog } from "../runtime/log.ts";
import { forAtMost } from "./testing/for-at-most.ts";
import { testDatabase } from "./testing/postgres.ts";

const log = createLog({ name: "test", level: "silent" });
const baseUs = Date.UTC(2026, 8, 1, 8) * 1000;
const minuteUs = 60_000_000;
const at = (us: number) => timestampFromMs(us / 1000);
const timeText = (us: number) => new Date(us / 1000).toISOString();

const stack = new AsyncDisposableStack();
let baseUrl = "";
let ingest: ReturnType<typeof openClients>["ingest"];
let keys: Record<"all" | "mills", string>;
let sequence = 0n;

beforeAll(async () => {
  const { url } = stack.use(await testDatabase());
  const fixture = stack.use(await openKeyFixture(url, log));
  const history = {
    compactIntervalMs: 40,
    logWindowMs: 86_400_000,
    maxLogBytes: 2 ** 34,
    retentionMs: undefined,
    rollupRetentionMs: undefined,
  };
  const all = await fixture.create({ scope: ["admin"] });
  const mills = await fixture.create({ scope: ["read"], machine: ["mill-*"] });
  keys = { all, mills };
  const accessor = stack.use(await openTestAccessor({ databaseUrl: url, auth: {}, history }));
  const accessorUrl = `http://127.0.0.1:${accessor.port}`;
  const gateway = stack.use(
    await openCheckedGateway({ host: "127.0.0.1", port: 0, accessorUrl, log }),
  );
  baseUrl = `http://127.0.0.1:${gateway.port}`;
  ({ ingest } = stack.use(openClients(accessor.port, all)));
  // So that every signal is registered.
  await write({ machine: "press-1", samples: [column("power", [[baseUs - minuteUs, 1]])] });
});
afterAll(() => stack.disposeAsync());

async function write(batch: BatchInit): Promise<string> {
  sequence++;
  const { cursor } = await ingest.ingestBatch({ producerId: "setup", sequence, batch });
  return cursor;
}

type Answer = { status: number; etag: string; age: string | null; body: string };

async function ask(
  path: string,
  key: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(baseUrl + path, { headers: { "x-api-key": key, ...headers } });
  const { status, headers: got } = response;
  return { status, etag: got.get("etag") ?? "", age: got.get("age"), body: await response.text() };
}

/** Without the parts that depend on the moment of the answer. */
const content = (body: string) => body.replace(/"(cursor|next_page_token)":"[^"]*"/g, '"$1":""');
const rounded = (body: string) =>
  content(body).replace(/-?\d+\.\d{6,}(e[-+]\d+)?/g, (digits) =>
    String(Number(Number(digits).toPrecision(9))),
  );

const machines = ["mill-1", "mill-2", "press-1"];

const states = [MachineState.ACTIVE, MachineState.IDLE, MachineState.FAULT, MachineState.OFF];

/** A few records of every kind, in any order of time. */
function toBatch({ machine, minute, second, kind, value }: Write): BatchInit {
  const timeUs = baseUs + minute * minuteUs + second * 1_000_000;
  if (kind === "state")
    return { machine, stateChanges: [{ time: at(timeUs), state: states[value % states.length]! }] };
  if (kind === "error") {
    return {
      machine,
      errorReports: [
        { time: at(timeUs), severity: Severity.ERROR, code: `E${value}`, message: "" },
      ],
    };
  }
  return {
    machine,
    samples: [
      column("power", [
        [timeUs, value],
        [timeUs + 500_000, value + 1],
      ]),
    ],
  };
}
const anyWrite = fc.record({
  machine: fc.constantFrom(...machines),
  minute: fc.integer({ min: -5, max: 130 }),
  second: fc.integer({ min: 0, max: 59 }),
  kind: fc.constantFrom("power", "power", "state", "error"),
  value: fc.integer({ min: 0, max: 9 }),
});
type Write = typeof anyWrite extends fc.Arbitrary<infer T> ? T : never;

const anyPath = fc
  .record({
    from: fc.constantFrom(0, 59),
    minutes: fc.constantFrom(2, 70),
    route: fc.constantFrom(
      "/signals/power?limit=5&",
      "/signals/state?",
      "/signals/error?",
      "/signals/power/buckets?width=7m&",
      "/signals/power/buckets?days=UTC&",
      "/signals/state/intervals?",
      "/machines/summary?",
      "/machines/mill-1/summary?",
    ),
    machine: fc.constantFrom("", "", "&machine=mill-1"),
  })
  .map(({ from, minutes, route, machine }) => {
    const range = `from=${timeText(baseUs + from * minuteUs)}&to=${timeText(baseUs + (from + minutes) * minuteUs)}`;
    return `${route}${range}${route.includes("mill-1") ? "" : machine}`;
  });

test("a kept answer is what an answer made anew says, and crosses no permission", {
  timeout: 120_000,
}, async () => {
  const act = fc.oneof(
    { weight: 2, arbitrary: anyWrite.map((write) => ({ write })) },
    {
      weight: 5,
      arbitrary: fc.record({
        path: anyPath,
        who: fc.constantFrom("all" as const, "mills" as const),
      }),
    },
  );
  const known = new Map<string, Answer>();
  const seen = { made: 0, kept: 0, notModified: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 20, maxLength: 60, size: "max" }),
      forAtMost(15_000, async (acts) => {
        for (const one of acts) {
          if ("write" in one) {
            await write(toBatch(one.write));
            continue;
          }
          const { path, who } = one;
          const name = `${who} ${path}`;
          const before = known.get(name);
          const headers: Record<string, string> = before
            ? { "if-none-match": `"other", ${before.etag}` }
            : {};
          const got = await ask(path, keys[who], randomInt(3) > 0 ? headers : {});
          const anew = await ask(path, keys[who], { "cache-control": "no-cache" });
          if (anew.status === 404) {
            expect(got.status).toBe(404);
            continue;
          }
          expect(anew.status).toBe(200);
          if (got.status === 304) seen.notModified++;
          else if (got.age === null) seen.made++;
          else seen.kept++;
          const { body } = got.status === 304 ? before! : got;
          expect(rounded(body), name).toBe(rounded(anew.body));
          if (who === "mills") expect(body).not.toContain("press-1");
          known.set(name, got.status === 304 ? before! : got);
        }
      }),
    ),
    { numRuns: 14 },
  );
  expect(Math.min(seen.made, seen.kept, seen.notModified)).toBeGreaterThan(5);
});

const summary = `/machines/mill-1/summary?from=${timeText(baseUs)}&to=${timeText(baseUs + 120 * minuteUs)}`;

test("an ETag is strong and holds for one question, one caller's view and one encoding", async () => {
  await write({
    machine: "mill-1",
    stateChanges: [{ time: at(baseUs), state: MachineState.ACTIVE }],
  });
  const first = await ask(summary, keys.all);
  const again = await ask(summary, keys.all);
  expect(first.etag).toMatch(/^"[\w-]+\.[\w-]+\.[\w-]+-(plain|gzip|br|zstd)"$/);
  expect([again.etag, again.body]).toEqual([first.etag, first.body]);
  expect(again.age).toMatch(/^\d+$/);
  const good = { "if-none-match": first.etag };
  expect((await ask(summary, keys.all, good)).status).toBe(304);
  expect((await ask(summary, keys.all, { "if-none-match": `W/${first.etag}` })).status).toBe(304);
  expect((await ask(summary, keys.all, { "if-none-match": "*" })).status).toBe(304);
  const long = `/signals/power/buckets?width=1m&from=${timeText(baseUs)}&to=${timeText(baseUs + 60 * minuteUs)}`;
  const packed = await ask(long, keys.all, { "accept-encoding": "gzip" });
  expect(packed.etag).toMatch(/-gzip"$/);
  const tagged = { "if-none-match": packed.etag };
  expect((await ask(long, keys.all, { ...tagged, "accept-encoding": "gzip" })).status).toBe(304);
  expect((await ask(long, keys.all, { ...tagged, "accept-encoding": "br" })).status).toBe(200);
  expect((await ask(summary, keys.mills, good)).status).toBe(200);
  expect((await ask(summary.replace("mill-1", "mill-2"), keys.all, good)).status).not.toBe(304);
  const other = summary.replace("from=", "min_cursor=&from=");
  expect((await ask(other, keys.all, good)).status).toBe(304);
});

test("a neighbour changes no ETag; a late record does, and whoever asks for it by cursor sees it", async () => {
  const { etag } = await ask(summary, keys.all);
  await write({ machine: "mill-2", samples: [column("power", [[baseUs + minuteUs, 5]])] });
  expect((await ask(summary, keys.all, { "if-none-match": etag })).status).toBe(304);
  const late = {
    machine: "mill-1",
    errorReports: [{ time: at(baseUs + minuteUs), severity: Severity.WARNING, code: "LATE" }],
  };
  const cursor = await write(late);
  const changed = await ask(`${summary}&min_cursor=${cursor}`, keys.all, { "if-none-match": etag });
  expect([changed.status, changed.body.includes("LATE"), changed.etag === etag]).toEqual([
    200,
    true,
    false,
  ]);
});

test("headers say who may keep it and what it hangs on; HEAD has them too", async () => {
  for (const method of ["GET", "HEAD"]) {
    const { status, headers } = await fetch(baseUrl + summary, {
      method,
      headers: { "x-api-key": keys.all },
    });
    expect([status, headers.get("cache-control")]).toEqual([200, "private, no-cache"]);
    for (const name of ["accept", "accept-encoding", "authorization", "x-api-key"])
      expect(headers.get("vary")?.split(/, */)).toContain(name);
    expect(headers.get("etag")).not.toBeNull();
  }
  const bulk = await fetch(`${baseUrl}/signals/power?format=csv`, {
    headers: { "x-api-key": keys.all },
  });
  expect(bulk.headers.get("etag")).toBeNull();
  await bulk.text();
});

test("what the cache does is counted, for admins", async () => {
  expect((await ask("/metrics", keys.mills)).status).toBe(403);
  const { status, body } = await ask("/metrics", keys.all);
  expect(status).toBe(200);
  const count = (name: string) =>
    Number(new RegExp(`^millrace_cache_${name} (\\d+)$`, "m").exec(body)?.[1]);
  for (const name of ["hits_total", "misses_total", "not_modified_total", "bytes", "entries"])
    expect(count(name)).toBeGreaterThan(0);
  expect(body).toContain("process_resident_memory_bytes");
});
