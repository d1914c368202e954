// Live feeds outlive the accessor: no gap, no repetition, and a browser that reconnects is
// admitted. As NDJSON as well.
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { reasonError } from "../errors/reasons.ts";
import { brittleLog, sample, valuesIn } from "../testing/brittle-log.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { isUnavailable, rewatch, tryWatch } from "./rewatch.ts";

let gateway: TestGateway;
const beats = new Set<() => void>();
beforeEach(async () => {
  gateway = await openTestGateway({
    heartbeat: (beat) => {
      beats.add(beat);
      return () => beats.delete(beat);
    },
  });
});
afterEach(() => gateway[Symbol.asyncDispose]());

const away = () => reasonError("SHUTTING_DOWN", Code.Unavailable, "the accessor is stopping");

test.each(["sse", "ndjson"])(
  "a feed goes on after the accessor was away, and away again: %s",
  async (format) => {
    const breaks = [3, -1, 3, 5].map((at) => ({ at, with: away }));
    const log = brittleLog(breaks, 6);
    gateway.accessor.signals.watchSignals = log.watchSignals;
    const text = await (
      await fetch(`${gateway.baseUrl}/signals/power/live?format=${format}`)
    ).text();
    expect(valuesIn(text)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(text).not.toContain("error");
    expect(log.asked).toEqual([undefined, "c2", "c2", "c2", "c4"]);
  },
);

test.each(["sse", "ndjson"])(
  "a commit in parts is one message, whole though the feed broke off in it: %s",
  async (format) => {
    let attempts = 0;
    gateway.accessor.signals.watchSignals = async function* () {
      yield { after: "c0", through: "c0" };
      yield { after: "c0", through: "c0", partial: true, ...sample(1) };
      if (++attempts === 1) throw away();
      yield { after: "c0", through: "c0", partial: true, ...sample(2) };
      yield { after: "c0", through: "c1", ...sample(3) };
      yield { after: "c1", through: "c2", ...sample(4) };
    };
    const text = await (
      await fetch(`${gateway.baseUrl}/signals/power/live?format=${format}`)
    ).text();
    expect(attempts).toBe(2);
    const messages = text.split("\n").filter((line) => line.includes('"value"'));
    expect(messages.map(valuesIn)).toEqual([[1, 2, 3], [4]]);
    for (const line of messages)
      expect(() => JSON.parse(line.replace(/^data: /, ""))).not.toThrow();
    const cursors =
      format === "sse" ? text.matchAll(/]}\nid: (\w+)/g) : text.matchAll(/],"cursor":"(\w+)"}\n/g);
    expect(Array.from(cursors, ([, cursor]) => cursor).slice(-2)).toEqual(["c1", "c2"]);
  },
);

test("a client that leaves a feed which was watched anew leaves nothing open", async () => {
  let attempts = 0;
  gateway.accessor.signals.watchSignals = async function* (_request, { signal: abort }) {
    yield { after: "c0", through: "c0" };
    if (++attempts === 1) throw away();
    yield { after: "c0", through: "c1", ...sample(1) };
    await new Promise((resolve) => abort.addEventListener("abort", resolve, { once: true }));
  };
  const leave = new AbortController();
  const response = await fetch(`${gateway.baseUrl}/signals/power/live`, { signal: leave.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; !text.includes("id: c1"); ) text += (await reader.read()).value;
  expect(gateway.borrowed()["upstream-streams"]).not.toBe(0);
  leave.abort();
  await reader.read().catch(() => {});
  await eventually("nothing is borrowed", () => gateway.borrowed()["upstream-streams"] === 0);
});

test("who leaves a feed closes the attempt that it came from, whichever that is", async () => {
  const closed: number[] = [];
  let attempts = 0;
  const watch = async function* () {
    const attempt = ++attempts;
    try {
      yield { after: "c0", through: "c0", batches: [] };
      if (attempt === 1) throw away();
      yield { after: "c0", through: "c1", batches: [] };
    } finally {
      closed.push(attempt);
    }
  };
  const attempt = await tryWatch(watch() as never);
  const { signal: abort } = new AbortController();
  const feed = rewatch({ watch: watch as never, attempt, after: undefined, abort, maxDelayMs: 1 });
  let seen = 0;
  for await (const _ of feed) if (++seen === 2) break;
  expect([seen, closed]).toEqual([2, [1, 2]]);
});

test("each attempt starts after the last cursor; waits grow to their bound and start small again", async () => {
  const log = brittleLog(
    [
      { at: 2, with: away },
      { at: -1, with: away },
      { at: -1, with: away },
    ],
    3,
  );
  const watch = (after?: string) =>
    log.watchSignals({ start: after ? { case: "afterCursor", value: after } : {} });
  const attempt = await tryWatch(watch() as never);
  const messages = [];
  const options = {
    watch: watch as never,
    attempt,
    after: undefined,
    abort: new AbortController().signal,
    maxDelayMs: 1,
  };
  for await (const { through, batches } of rewatch(options))
    messages.push([through, batches?.length ?? 0]);
  expect(messages).toEqual([
    ["c0", 0],
    ["c1", 1],
    ["c1", 0],
    ["c2", 1],
    ["c3", 1],
  ]);
  expect(log.asked).toEqual([undefined, "c1", "c1", "c1"]);
  expect(isUnavailable(new ConnectError("x", Code.OutOfRange))).toBe(false);
});

test("what waiting does not help ends the feed", async () => {
  const expired = () =>
    reasonError("CURSOR_EXPIRED", Code.OutOfRange, "too old", {
      metadata: { earliest_cursor: "c4" },
    });
  gateway.accessor.signals.watchSignals = brittleLog(
    [
      { at: 2, with: away },
      { at: -1, with: expired },
    ],
    3,
  ).watchSignals;
  const text = await (await fetch(`${gateway.baseUrl}/signals/power/live`)).text();
  // The browser reconnects with the id: where the log still continues.
  expect(text).toMatch(
    /event: expired\nid: c4\ndata: \{[^\n]*"reason":"CURSOR_EXPIRED"[^\n]*\}\n\n$/,
  );
  expect(valuesIn(text)).toEqual([1]);
});

test("a browser that comes back too early waits inside, with comments; who comes for the first time is told", async () => {
  const log = brittleLog([{ at: -1, with: away }], 9);
  gateway.accessor.signals.watchSignals = log.watchSignals;
  const first = await gateway.ask("/signals/power/live?after=c7");
  expect([first.status, first.headers.get("retry-after")]).toEqual([503, "1"]);
  let back = false;
  gateway.accessor.signals.watchSignals = (request) => {
    if (!back) throw away();
    return log.watchSignals(request);
  };
  const response = await fetch(`${gateway.baseUrl}/signals/power/live`, {
    headers: { "last-event-id": "c7" },
  });
  expect(response.status).toBe(200);
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream(), {
    signal: beatUntilHeard(() => text.includes(": keep-alive")),
  })) {
    text += chunk;
    if (text.includes(": keep-alive")) back = true;
  }
  expect(text).toMatch(/^(: keep-alive\n\n)+retry: 1000\n\nevent: ready\nid: c7\n/);
  expect(valuesIn(text)).toEqual([8, 9]);
});

/** Beats at every turn of the loop until `heard`; the abort signal it returns never fires. */
function beatUntilHeard(heard: () => boolean): AbortSignal {
  const beat = () => {
    if (heard()) return;
    for (const each of beats) each();
    setImmediate(beat);
  };
  setImmediate(beat);
  return new AbortController().signal;
}

test("a browser that comes back with a cursor that is too old is told by an event, not by a status it cannot see", async () => {
  gateway.accessor.signals.watchSignals = async function* () {
    throw reasonError("CURSOR_EXPIRED", Code.OutOfRange, "too old", {
      metadata: { earliest_cursor: "c4" },
    });
    // biome-ignore lint/correctness/noUnreachable: a generator has to yield
    yield {};
  };
  const headers = { "last-event-id": "c1" };
  const response = await fetch(`${gateway.baseUrl}/signals/power/live`, { headers });
  expect(response.status).toBe(200);
  expect(await response.text()).toMatch(/^event: expired\nid: c4\ndata: \{/);
  gateway.accessor.signals.watchSignals = async function* () {
    throw reasonError("CURSOR_FOREIGN", Code.FailedPrecondition, "of another database");
    // biome-ignore lint/correctness/noUnreachable: a generator has to yield
    yield {};
  };
  expect(await gateway.ask("/signals/power/live", { headers })).toMatchObject({ status: 409 });
});

test("NDJSON: a line a message, bookmarks and heartbeats with the cursor, an error last", async () => {
  const beaten = Promise.withResolvers<void>();
  gateway.accessor.signals.watchSignals = async function* () {
    yield { after: "c0", through: "c0" };
    yield { after: "c0", through: "c2", ...sample(1) };
    await beaten.promise;
    yield { after: "c2", through: "c5" };
    throw reasonError("CURSOR_FOREIGN", Code.FailedPrecondition, "restored");
  };
  const response = await fetch(`${gateway.baseUrl}/signals/power,state/live`, {
    headers: { accept: "application/x-ndjson" },
  });
  expect(response.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8");
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (!text.includes('"value"') || text.includes("c5")) continue;
    if (text.split("\n").length === 3) for (const beat of beats) beat();
    else beaten.resolve();
  }
  const row = { machine: "m", signal: "power", time: "2026-03-01T08:00:00Z", value: 1 };
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { signals: [], cursor: "c0" },
    { signals: [row], cursor: "c2" },
    { signals: [], cursor: "c2" },
    { signals: [], cursor: "c5" },
    { error: { status: 409, reason: "CURSOR_FOREIGN" }, cursor: "c5" },
  ]);
});
