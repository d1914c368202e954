// The REST routes over real sockets: parameters, pages, rows, and unusual paths.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState, Severity, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import type { GetLatestRequest, QuerySignalsRequest } from "#gen/millrace/v1/signal_service_pb.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { toTimestamp } from "./time.ts";

let gateway: TestGateway;
let asked: QuerySignalsRequest[];
const nowUs = 1_772_352_000_000_000n;
const time = toTimestamp(nowUs);
let nowMs = Number(nowUs / 1_000n);

beforeAll(async () => {
  gateway = await openTestGateway({ now: () => nowMs });
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => {
  nowMs = Number(nowUs / 1_000n);
  asked = [];
  gateway.accessor.serving = true;
  gateway.accessor.signals = {
    querySignals(request) {
      asked.push(request);
      return { cursor: "c1" };
    },
  };
});

test("every parameter reaches its field", async () => {
  const query =
    "?machine=a,b&machine=c&from=-15m&to=now&limit=5&page_token=&min_cursor=c7&severity=error,Critical&code_prefix=E2&state=idle";
  const { status, body } = await gateway.ask(`/signals/error${query}`);
  expect([status, body["from"], body["to"]]).toEqual([
    200,
    "2026-03-01T07:45:00Z",
    "2026-03-01T08:00:00Z",
  ]);
  expect(asked[0]).toMatchObject({
    signal: "error",
    machines: ["a", "b", "c"],
    startTime: { seconds: nowUs / 1_000_000n - 900n, nanos: 0 },
    endTime: { seconds: nowUs / 1_000_000n, nanos: 0 },
    pageSize: 5,
    pageToken: "",
    minCursor: "c7",
    severities: [Severity.ERROR, Severity.CRITICAL],
    codePrefix: "E2",
    states: [MachineState.IDLE],
  });
});

test("without parameters everything is asked for, and no range is echoed", async () => {
  const { body } = await gateway.ask("/signals/power");
  expect(asked[0]).toMatchObject({ machines: [], pageSize: 0, pageToken: "", minCursor: "" });
  expect([asked[0]!.startTime, asked[0]!.endTime]).toEqual([undefined, undefined]);
  expect(body).toEqual({ signals: [], next_page_token: "", cursor: "c1" });
});

test("rows of each kind are flat", async () => {
  gateway.accessor.signals.querySignals = () => ({
    signals: [
      { machine: "m", signal: "power", time, record: { case: "value", value: 412.3 } },
      {
        machine: "m",
        signal: "state",
        time,
        record: { case: "stateChange", value: { state: MachineState.OFF, reason: "night" } },
      },
      {
        machine: "m",
        signal: "error",
        time,
        record: {
          case: "errorReport",
          value: { severity: Severity.WARNING, code: "E1", message: "hot" },
        },
      },
    ],
  });
  const at = { machine: "m", time: "2026-03-01T08:00:00Z" };
  expect((await gateway.ask("/signals/power")).body["signals"]).toEqual([
    { ...at, signal: "power", value: 412.3 },
    { ...at, signal: "state", state: "OFF", reason: "night" },
    { ...at, signal: "error", severity: "WARNING", code: "E1", message: "hot" },
  ]);
});

test("a range relative to now stays the same from page to page, by token and by link", async () => {
  gateway.accessor.signals.querySignals = (request) => {
    asked.push(request);
    return { nextPageToken: request.pageToken === "" ? "t1" : "", cursor: "c1" };
  };
  const first = await gateway.ask("/signals/power?machine=a&from=-1h&to=now&limit=2");
  const link = /^<([^>]+)>; rel="next"$/.exec(first.headers.get("link")!)![1]!;
  nowMs += 60_000;
  const token = encodeURIComponent(first.body["next_page_token"] as string);
  const byToken = await gateway.ask(
    `/signals/power?machine=a&from=-1h&to=now&limit=2&page_token=${token}`,
  );
  const tokenAlone = await gateway.ask(`/signals/power?machine=a&limit=2&page_token=${token}`);
  const byLink = await gateway.ask(link);
  expect(asked[0]).toMatchObject({ pageToken: "" });
  for (const next of asked.slice(1)) expect(next).toEqual({ ...asked[0], pageToken: "t1" });
  expect(asked.length).toBe(4);
  for (const { body, headers } of [byToken, tokenAlone, byLink]) {
    expect(body).toMatchObject({
      from: first.body["from"],
      to: first.body["to"],
      next_page_token: "",
    });
    expect(headers.get("link")).toBeNull();
  }
});

test("a range of fixed times has the accessor's own tokens", async () => {
  gateway.accessor.signals.querySignals = () => ({ nextPageToken: "t1" });
  expect((await gateway.ask("/signals/power?from=0")).body["next_page_token"]).toBe("t1");
  const mixed = await gateway.ask("/signals/power?from=-1h&page_token=t1");
  expect(mixed.body).toMatchObject({
    status: 400,
    reason: "PAGE_TOKEN_INVALID",
    field: "page_token",
  });
});

test("the catalogue, the newest records and the machines", async () => {
  const latest: GetLatestRequest[] = [];
  Object.assign(gateway.accessor.signals, {
    listSignals: () => ({
      signals: [
        {
          name: "power",
          kind: SignalKind.NUMERIC,
          units: ["W"],
          sampleTypes: [1, 2],
          machineCount: 5,
          maxGap: { seconds: 1n, nanos: 500_000_000 },
        },
        { name: "state", kind: SignalKind.STATE, machineCount: 5 },
      ],
    }),
    getLatest: (request: GetLatestRequest) => {
      latest.push(request);
      return {
        signals: [{ machine: "m", signal: "power", time, record: { case: "value", value: 1 } }],
        cursor: "c2",
      };
    },
    listMachines: () => ({
      machines: [{ name: "m", signals: ["power"], firstSeenTime: time }],
      nextPageToken: "t2",
    }),
  });
  expect((await gateway.ask("/signals")).body).toEqual({
    signals: [
      {
        name: "power",
        kind: "NUMERIC",
        units: ["W"],
        machine_count: 5,
        max_gap: "1.500s",
        sample_types: ["LINEAR", "STEP"],
      },
      { name: "state", kind: "STATE", units: [], machine_count: 5 },
    ],
    next_page_token: "",
  });
  expect((await gateway.ask("/signals/power/latest?machine=m&min_cursor=c1")).body).toEqual({
    signals: [{ machine: "m", signal: "power", time: "2026-03-01T08:00:00Z", value: 1 }],
    next_page_token: "",
    cursor: "c2",
  });
  expect(latest).toMatchObject([{ signals: ["power"], machines: ["m"], minCursor: "c1" }]);
  const machines = await gateway.ask("/machines?limit=1");
  expect(machines.body).toEqual({
    machines: [
      { name: "m", labels: {}, signals: ["power"], first_seen_time: "2026-03-01T08:00:00Z" },
    ],
    next_page_token: "t2",
  });
  expect(machines.headers.get("link")).toBe('</machines?limit=1&page_token=t2>; rel="next"');
});

test("paths as they come: a slash at the end, escapes, long names, broken escapes", async () => {
  expect((await gateway.ask("/signals/power/")).status).toBe(200);
  await gateway.ask("/signals/po%77er");
  await gateway.ask(`/signals/${"x".repeat(300)}`);
  expect(asked.map(({ signal }) => signal)).toEqual(["power", "power", "x".repeat(300)]);
  expect((await gateway.ask("/signals/%zz")).body).toMatchObject({
    status: 400,
    type: "about:blank",
  });
});

test("alive always, ready while the accessor serves", async () => {
  expect(await gateway.ask("/readyz")).toMatchObject({ status: 200, body: { status: "ready" } });
  gateway.accessor.serving = false;
  const { status, body } = await gateway.ask("/readyz");
  expect([status, body]).toEqual([
    503,
    { status: "not ready", reason: "the accessor does not serve (NOT_SERVING)" },
  ]);
  expect((await gateway.ask("/healthz")).status).toBe(200);
});
