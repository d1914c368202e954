// Exports: every number and time unchanged, rows in order of time, memory and the accessor's work
// bounded by the client's pace.
import { once } from "node:events";
import { connect } from "node:net";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState, SampleType, Severity } from "#gen/millrace/v1/signal_pb.ts";
import type {
  QuerySignalsRequest,
  ReadSignalsRequest,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { toSamples } from "../../codec/wire/samples.ts";
import { reasonError } from "../errors/reasons.ts";
import { answerEverything, nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => {
  gateway.accessor.signals = answerEverything();
});

const get = (path: string, init?: RequestInit) => fetch(gateway.baseUrl + path, init);
const text = async (path: string) => (await get(path)).text();
const machineRows = (
  machine: string,
  timesUs: number[],
  values: number[],
  sampleType?: SampleType,
) => ({
  machine,
  samples: [
    toSamples(
      { signal: "power", unit: "W", maxGapUs: 1_500_000, sampleType },
      { timesUs: Float64Array.from(timesUs), values: Float64Array.from(values) },
    ),
  ],
});

test("samples of many machines in order of time, as NDJSON and CSV, with names for file and cursor", async () => {
  const response = await get("/signals/power?from=-1h&to=now&machine=mill-1&format=ndjson");
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "application/x-ndjson; charset=utf-8",
    "content-disposition":
      'attachment; filename="power_mill-1_2026-03-01T07-00-00Z_2026-03-01T08-00-00Z.ndjson"',
    "millrace-cursor": "c7",
    vary: "accept, accept-encoding",
  });
  const row = (machine: string, digits: string, value: string) =>
    `{"machine":"${machine}","signal":"power","time":"2026-03-01T08:00:00${digits}Z","value":${value}}\n`;
  expect(await response.text()).toBe(
    row("mill-1", "", "412.3") +
      row("mill-2", ".000001", "1") +
      row("mill-1", ".010", "-0") +
      row("mill-2", ".010", "2") +
      row("mill-1", ".020", "5e-324"),
  );
  expect(await text("/signals/power?format=csv&limit=3")).toBe(
    "machine,signal,time,value,unit,max_gap,sample_type\nmill-1,power,2026-03-01T08:00:00Z,412.3,,,\nmill-2,power,2026-03-01T08:00:00.000001Z,1,,,\nmill-1,power,2026-03-01T08:00:00.010Z,-0,,,\n",
  );
});

test("states and errors in order of time, quoted where CSV needs it", async () => {
  expect(await text("/signals/state?format=csv")).toBe(
    'machine,signal,time,state,reason\nmill-2,state,2026-03-01T08:00:00.500Z,OFF,\nmill-1,state,2026-03-01T08:00:01Z,IDLE,"jam, ""again"""\n',
  );
  expect(await text("/signals/state?format=ndjson&limit=1")).toBe(
    '{"machine":"mill-2","signal":"state","time":"2026-03-01T08:00:00.500Z","state":"OFF","reason":""}\n',
  );
});

test("what is filtered is fetched page by page; the range and its limits reach the accessor", async () => {
  const pages: QuerySignalsRequest[] = [];
  const ranges: ReadSignalsRequest[] = [];
  const { querySignals, readSignals } = gateway.accessor.signals;
  gateway.accessor.signals.querySignals = (request, context) => {
    pages.push(request);
    return querySignals!(request, context);
  };
  gateway.accessor.signals.readSignals = (request, context) => {
    ranges.push(request);
    return readSignals!(request, context);
  };
  const row = 'mill-2,error,2026-03-01T08:00:00.000001Z,ERROR,E1,"hot\nvery"\n';
  expect(await text("/signals/error?severity=ERROR&code_prefix=E&format=csv")).toBe(
    `machine,signal,time,severity,code,message\n${row}${row}`,
  );
  expect(await text("/signals/error?severity=ERROR&format=csv&limit=1")).toMatch(
    /^[^\n]+\n[^\n]+\nvery"\n$/,
  );
  await text("/signals/state?state=OFF&format=ndjson");
  await text("/signals/power?machine=a,b&from=-1h&to=now&min_cursor=c1&format=ndjson");
  expect(pages).toMatchObject([
    { severities: [Severity.ERROR], codePrefix: "E", pageSize: 10_000, pageToken: "" },
    { pageToken: "t2" },
    { pageSize: 2, pageToken: "" },
    { pageSize: 1, pageToken: "t2" },
    { signal: "state", states: [MachineState.OFF] },
    { pageToken: "t2" },
  ]);
  expect(ranges).toMatchObject([
    {
      signals: ["power"],
      machines: ["a", "b"],
      minCursor: "c1",
      startTime: { nanos: 0 },
      endTime: { nanos: 0 },
    },
  ]);
  const { status, body } = await gateway.ask("/signals/power?format=csv&page_token=x");
  expect([status, body["field"], body["reason"]]).toEqual([400, "page_token", "REQUEST_INVALID"]);
});

test("names that need quotes get them; each row says what its series declared", async () => {
  gateway.accessor.signals.readSignals = async function* () {
    yield { batches: [machineRows('a"b,c', [0], [1], SampleType.STEP)] };
  };
  expect(await text("/signals/power?format=csv")).toBe(
    'machine,signal,time,value,unit,max_gap,sample_type\n"a""b,c",power,1970-01-01T00:00:00Z,1,W,1.5s,STEP\n',
  );
  expect(JSON.parse(await text("/signals/power?format=ndjson"))).toMatchObject({
    machine: 'a"b,c',
    unit: "W",
    max_gap: "1.5s",
    sample_type: "STEP",
  });
});

test("what is refused is a problem; what breaks off later breaks the connection", async () => {
  let after = 0;
  gateway.accessor.signals.readSignals = async function* () {
    for (let i = 0; i < after; i++) yield { cursor: "c1", batches: [machineRows("m", [i], [i])] };
    throw reasonError("SIGNAL_UNKNOWN", Code.NotFound, "no such signal", {
      metadata: { known: "power" },
    });
  };
  const { status, body } = await gateway.ask("/signals/powr?format=csv");
  expect([status, body["reason"], body["metadata"]]).toEqual([
    404,
    "SIGNAL_UNKNOWN",
    { known: "power" },
  ]);
  after = 3;
  for (const headers of [{}, { "accept-encoding": "gzip" }]) {
    const response = await get("/signals/power?format=csv", { headers });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  }
});

test.each(["identity", "zstd"])(
  "a client that does not read holds the accessor back, one that leaves ends it: %s",
  async (encoding) => {
    const total = 2_000;
    let produced = 0;
    const ended = Promise.withResolvers<void>();
    gateway.accessor.signals.readSignals = async function* () {
      try {
        for (; produced < total; produced++) {
          const times = Array.from({ length: 4_096 }, (_, i) => (produced * 4_096 + i) * 10_000);
          yield {
            cursor: "c1",
            batches: [
              machineRows(
                "m",
                times,
                times.map(() => Math.random()),
              ),
            ],
          };
        }
      } finally {
        ended.resolve();
      }
    };
    const deaf = connect(gateway.port, "127.0.0.1");
    deaf.pause();
    deaf.write(
      `GET /signals/power?format=ndjson HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${encoding}\r\n\r\n`,
    );
    for (let before = -1; produced === 0 || produced !== before; ) {
      before = produced;
      for (let i = 0; i < 50; i++) expect((await gateway.ask("/signals")).status).toBe(200);
    }
    expect(produced).toBeLessThan(total / 4);
    deaf.destroy();
    await once(deaf, "close");
    await ended.promise;
  },
);

test("?csv=safe: no text of an export is a formula, numbers are as they were", async () => {
  const time = { seconds: 1n, nanos: 0 };
  const errorReports = [
    { time, severity: Severity.ERROR, code: "=1+1", message: "-1+cmd|' /C calc'!A0" },
  ];
  gateway.accessor.signals.readSignals = async function* ({ signals: [signal] }) {
    const batch =
      signal === "error" ? { machine: "m", errorReports } : machineRows("m", [1_000_000], [-1]);
    yield { batches: [batch], cursor: "c1" };
  };
  const error = "m,error,1970-01-01T00:00:01Z,ERROR,";
  const rows = async (path: string) => (await text(path)).trim().split("\n").slice(1);
  expect(await rows("/signals/error?format=csv")).toEqual([`${error}=1+1,-1+cmd|' /C calc'!A0`]);
  expect(await rows("/signals/error?format=csv&csv=safe")).toEqual([
    `${error}'=1+1,'-1+cmd|' /C calc'!A0`,
  ]);
  expect(await rows("/signals/power?format=csv&csv=safe")).toEqual([
    "m,power,1970-01-01T00:00:01Z,-1,W,1.5s,",
  ]);
  gateway.accessor.signals.querySignals = () => ({
    signals: [
      {
        machine: "m",
        signal: "error",
        time,
        record: { case: "errorReport", value: errorReports[0]! },
      },
    ],
    cursor: "c1",
  });
  expect(await rows("/signals/error?severity=ERROR&format=csv&csv=safe")).toEqual([
    `${error}'=1+1,'-1+cmd|' /C calc'!A0`,
  ]);
  gateway.accessor.signals.listStateIntervals = () => ({
    intervals: [{ machine: "m", state: MachineState.IDLE, reason: "@SUM(1)", startTime: time }],
    cursor: "c1",
  });
  expect((await rows("/signals/state/intervals?format=csv&csv=safe"))[0]).toContain(",'@SUM(1),");
  expect((await gateway.ask("/signals/error?format=csv&csv=no")).body).toMatchObject({
    status: 400,
    field: "csv",
  });
});
