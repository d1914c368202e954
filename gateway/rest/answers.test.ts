// Buckets, summaries and timelines: the request that reaches the accessor, and the form of its
// answers.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import {
  type AggregateSamplesRequest,
  CalendarUnit,
  type ListStateIntervalsRequest,
  type SummarizeMachinesRequest,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { answerEverything, nowText, nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { toSeconds } from "./time.ts";

let gateway: TestGateway;
let asked: (AggregateSamplesRequest | SummarizeMachinesRequest | ListStateIntervalsRequest)[];
beforeAll(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => {
  asked = [];
  const answers = answerEverything();
  const noting =
    <I extends object, O>(answer: ((request: I, context: never) => O) | undefined) =>
    (request: I) => {
      asked.push(request as never);
      return answer!(request, undefined as never);
    };
  gateway.accessor.signals = {
    aggregateSamples: noting(answers.aggregateSamples),
    summarizeMachines: noting(answers.summarizeMachines),
    listStateIntervals: noting(answers.listStateIntervals),
  };
});

const text = async (path: string) => (await fetch(gateway.baseUrl + path)).text();
const nowSeconds = nowUs / 1_000_000n;

test.each([
  ["width=1m", { case: "width", value: { seconds: 60n, nanos: 0 } }],
  ["width=500ms", { case: "width", value: { seconds: 0n, nanos: 500_000_000 } }],
  ["width=2w", { case: "width", value: { seconds: 1_209_600n, nanos: 0 } }],
  ["points=800", { case: "points", value: 800 }],
  ["days=Europe/Berlin", { case: "daysInTimeZone", value: "Europe/Berlin" }],
  ["days=Etc/GMT+5", { case: "daysInTimeZone", value: "Etc/GMT+5" }],
  ["days=Etc/GMT%2B5", { case: "daysInTimeZone", value: "Etc/GMT+5" }],
  [
    "days=Europe/Berlin&day_start=06:00",
    {
      case: "calendar",
      value: { timeZone: "Europe/Berlin", unit: CalendarUnit.DAY, dayStart: "06:00" },
    },
  ],
  [
    "calendar=week&tz=Etc/GMT+5",
    {
      case: "calendar",
      value: { timeZone: "Etc/GMT+5", unit: CalendarUnit.WEEK, dayStart: "", shiftStarts: [] },
    },
  ],
  ...[
    "shifts=06:00,14:00,22:00&tz=UTC",
    "calendar=SHIFT&tz=UTC&shifts=06:00&shifts=14:00,22:00",
  ].map((query): [string, object] => [
    query,
    {
      case: "calendar",
      value: { unit: CalendarUnit.SHIFT, shiftStarts: ["06:00", "14:00", "22:00"] },
    },
  ]),
  ["", { case: undefined }],
])("buckets by ?%s", async (query, resolution) => {
  const { status } = await gateway.ask(
    `/signals/power,temperature/buckets?machine=a,b&from=-1h&to=now&min_cursor=c1&${query}`,
  );
  expect(status).toBe(200);
  expect(asked).toMatchObject([
    {
      signals: ["power", "temperature"],
      machines: ["a", "b"],
      startTime: { seconds: nowSeconds - 3_600n },
      endTime: { seconds: nowSeconds },
      minCursor: "c1",
      resolution,
    },
  ]);
});

test.each([
  ["width=1m&points=5", "points", /cannot be combined with width/],
  ["points=5&days=UTC", "days", /cannot be combined with points/],
  ["days=UTC&calendar=week&tz=UTC", "calendar", /cannot be combined with days/],
  ["days=UTC&shifts=06:00", "shifts", /cannot be combined with days/],
  ["calendar=fortnight&tz=UTC", "calendar", /not one of SHIFT, DAY, WEEK, MONTH, QUARTER, YEAR/],
  ["calendar=week", "tz", /needed with calendar/],
  ["shifts=06:00", "tz", /needed with shifts/],
  ["days=UTC&tz=UTC", "tz", /only allowed with calendar or shifts/],
  ["width=1h&day_start=06:00", "day_start", /only allowed with days or calendar/],
  ["day_start=06:00", "day_start", /only allowed with days or calendar/],
  ["width=1", "width", /not a duration; expected a number with a unit/],
  ["width=-1m", "width", /not a duration/],
  ["width=999999999999999w", "width", /not a duration/],
  ["points=1.5", "points", /whole number/],
])("400 for buckets by ?%s", async (query, field, detail) => {
  const { status, body } = await gateway.ask(`/signals/power/buckets?from=-1h&${query}`);
  expect([status, body["field"]]).toEqual([400, field]);
  expect(body["detail"]).toMatch(detail);
  expect((await gateway.ask("/signals/,/buckets?from=-1h")).body).toMatchObject({
    status: 400,
    field: "type",
  });
  expect(asked).toEqual([]);
});

const full = {
  time: nowText,
  end_time: "2026-03-01T08:01:00Z",
  count: 6_000,
  min: 1,
  max: 9.5,
  mean: 4.25,
  time_weighted_mean: 4.26,
  first: 2,
  last: -0,
  min_time: "2026-03-01T08:00:01Z",
  max_time: "2026-03-01T08:00:02.500Z",
  first_time: nowText,
  last_time: "2026-03-01T08:00:59.990Z",
  integral: 255.6,
  coverage: 0.75,
};
const empty = {
  time: "2026-03-01T08:01:00Z",
  end_time: "2026-03-01T08:02:00Z",
  count: 0,
  integral: 0,
  coverage: 0,
};

const series = { machine: "mill-1", signal: "power", unit: "W" };
// A counter has an increase and a rate where other types have an integral.
const { time_weighted_mean: _mean, integral: _integral, ...shared } = full;
const counter = { machine: "mill-3", signal: "power", unit: "kWh" };
const counted = { ...shared, increase: 7.5, rate: 0.125 };

test("buckets as series in JSON, as rows in NDJSON and CSV", async () => {
  const path = "/signals/power/buckets?from=-1h&machine=mill-1";
  expect((await gateway.ask(path)).body).toEqual({
    series: [
      { ...series, max_gap_seconds: 1, sample_type: "LINEAR", buckets: [full, empty] },
      { machine: "mill-2", signal: "power", unit: "", sample_type: "LINEAR", buckets: [] },
      { ...counter, max_gap_seconds: 86_400, sample_type: "COUNTER", buckets: [counted] },
    ],
    from: "2026-03-01T07:00:00Z",
    cursor: "c7",
  });
  const rows = (await text(`${path}&format=ndjson`))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(rows).toEqual([
    { ...series, ...full, sample_type: "LINEAR" },
    { ...series, ...empty, sample_type: "LINEAR" },
    { ...counter, ...counted, sample_type: "COUNTER" },
  ]);
  const response = await fetch(`${gateway.baseUrl}${path}&format=csv`);
  expect(response.headers.get("content-disposition")).toBe(
    'attachment; filename="power_buckets_mill-1_2026-03-01T07-00-00Z.csv"',
  );
  expect(response.headers.get("millrace-cursor")).toBe("c7");
  expect((await response.text()).split("\n").slice(1)).toEqual([
    `mill-1,power,W,${nowText},2026-03-01T08:01:00Z,6000,1,9.5,4.25,4.26,2,-0,2026-03-01T08:00:01Z,2026-03-01T08:00:02.500Z,${nowText},2026-03-01T08:00:59.990Z,255.6,0.75,,,LINEAR`,
    "mill-1,power,W,2026-03-01T08:01:00Z,2026-03-01T08:02:00Z,0,,,,,,,,,,,0,0,,,LINEAR",
    `mill-3,power,kWh,${nowText},2026-03-01T08:01:00Z,6000,1,9.5,4.25,,2,-0,2026-03-01T08:00:01Z,2026-03-01T08:00:02.500Z,${nowText},2026-03-01T08:00:59.990Z,,0.75,7.5,0.125,COUNTER`,
    "",
  ]);
});

const summary = {
  machine: "mill-1",
  from: "2026-03-01T07:00:00Z",
  to: nowText,
  transitions: 3,
  availability: 0.9,
  states: [
    { state: "UNKNOWN", seconds: 0.000001, silent_seconds: 0, energy_coverage: 0 },
    {
      state: "ACTIVE",
      seconds: 3599.999999,
      silent_seconds: 1320,
      energy_kwh: 1.5,
      energy_coverage: 1,
    },
  ],
  silence_tolerance_seconds: 600,
  energy: {
    energy_kwh: 1.5,
    coverage: 1,
    method: "trapezoid",
    max_gap_seconds: 1,
    mean_power_w: 1500,
    peak_power_w: 2000.5,
    peak_time: "2026-03-01T07:59:00Z",
  },
  errors: {
    count: 3,
    by_severity: { CRITICAL: 1, INFO: 2 },
    by_code: [{ code: "E1", count: 3 }],
    other_codes: 0,
    per_active_hour: 3,
    mean_active_seconds_between: 1199.5,
  },
};

test("one machine's summary, that of many, and 404 for a machine that has sent nothing", async () => {
  const one = await gateway.ask("/machines/mill-1/summary?from=-1h&to=now&min_cursor=c1");
  expect(one.body).toEqual({ ...summary, cursor: "c7" });
  const many = await gateway.ask("/machines/summary?machine=mill-1,mill-2&from=-1h");
  const errors = { count: 0, by_severity: {}, by_code: [], other_codes: 0 };
  const other = {
    machine: "mill-2",
    from: summary.from,
    to: summary.to,
    states: [],
    transitions: 0,
    errors,
  };
  expect(many.body).toEqual({ machines: [summary, other], next_page_token: "", cursor: "c7" });
  expect(asked).toMatchObject([
    {
      machines: ["mill-1"],
      startTime: { seconds: nowSeconds - 3_600n },
      endTime: { seconds: nowSeconds },
      minCursor: "c1",
    },
    { machines: ["mill-1", "mill-2"] },
  ]);
  const { status, body } = await gateway.ask("/machines/nobody/summary?from=-1h");
  expect([status, body["type"]]).toEqual([404, "urn:millrace:v1:MACHINE_UNKNOWN"]);
  expect(body["detail"]).toContain('"nobody"');
});

const ended = {
  machine: "mill-1",
  state: "FAULT",
  reason: 'jam, "again"',
  start_time: "2026-03-01T07:58:30Z",
  end_time: "2026-03-01T07:59:59.500Z",
  seconds: 89.5,
  silent_seconds: 30.5,
};
const { end_time, seconds, ...rest } = ended;
const lasting = { ...rest, silent_since: "2026-03-01T07:59:30.500Z" };

test("a timeline in pages, and whole as NDJSON and CSV", async () => {
  const path = "/signals/state/intervals?from=-1h&state=fault,idle&machine=mill-1";
  const first = await gateway.ask(`${path}&limit=1`);
  expect(first.body).toMatchObject({
    intervals: [ended],
    from: "2026-03-01T07:00:00Z",
    cursor: "c7",
    end_time: nowText,
  });
  const next = await gateway.ask(/<(.+)>; rel="next"/.exec(first.headers.get("link")!)![1]!);
  expect(next.body).toMatchObject({ intervals: [lasting], next_page_token: "" });
  const lines = (await text(`${path}&format=ndjson`)).trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([ended, lasting]);
  expect(await text(`${path}&format=csv`)).toBe(
    "machine,state,reason,start_time,end_time,seconds,silent_seconds,silent_since\n" +
      'mill-1,FAULT,"jam, ""again""",2026-03-01T07:58:30Z,2026-03-01T07:59:59.500Z,89.5,30.5,\n' +
      'mill-1,FAULT,"jam, ""again""",2026-03-01T07:58:30Z,,,30.5,2026-03-01T07:59:30.500Z\n',
  );
  const filter = {
    machines: ["mill-1"],
    states: [MachineState.FAULT, MachineState.IDLE],
    startTime: { seconds: nowSeconds - 3_600n },
  };
  expect(asked).toMatchObject([
    { ...filter, pageSize: 1, pageToken: "" },
    { ...filter, pageSize: 1, pageToken: "i2" },
    ...[1, 2].flatMap(() => [
      { ...filter, pageSize: 10_000, pageToken: "" },
      { ...filter, pageToken: "i2" },
    ]),
  ]);
  expect((await gateway.ask(`${path}&format=csv&page_token=i2`)).body).toMatchObject({
    status: 400,
    field: "page_token",
  });
});

test("seconds are the double nearest to what was measured", () => {
  expect(toSeconds({ seconds: 3_599n, nanos: 999_999_000 } as never)).toBe(3599.999999);
  expect(toSeconds({ seconds: 31_536_000n, nanos: 1_000 } as never)).toBe(31536000.000001);
});
