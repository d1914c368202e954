// GET /signals/state/buckets: the request that reaches the accessor, and its answer in each format.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type AggregateStatesRequest, CalendarUnit } from "#gen/millrace/v1/signal_service_pb.ts";
import { answerEverything, nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
let asked: AggregateStatesRequest[];
beforeAll(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => {
  asked = [];
  const { aggregateStates } = answerEverything();
  gateway.accessor.signals = {
    aggregateStates(request) {
      asked.push(request);
      return aggregateStates!(request, undefined as never);
    },
  };
});

const path = "/signals/state/buckets?machine=a,b&from=-1h&to=now&min_cursor=c1";

test.each([
  ["width=15m", { case: "width", value: { seconds: 900n } }],
  ["points=50", { case: "points", value: 50 }],
  ["days=Europe/Berlin", { case: "daysInTimeZone", value: "Europe/Berlin" }],
  [
    "shifts=06:00,18:00&tz=UTC",
    {
      case: "calendar",
      value: { timeZone: "UTC", unit: CalendarUnit.SHIFT, shiftStarts: ["06:00", "18:00"] },
    },
  ],
  ["", { case: undefined }],
])("?%s", async (query, resolution) => {
  expect((await gateway.ask(`${path}&${query}`)).status).toBe(200);
  expect(asked).toMatchObject([{ machines: ["a", "b"], minCursor: "c1", resolution }]);
  expect([asked[0]!.startTime, asked[0]!.endTime].map((time) => time!.seconds)).toEqual([
    nowUs / 1_000_000n - 3_600n,
    nowUs / 1_000_000n,
  ]);
});

test("only one of points, days, calendar and width", async () => {
  expect((await gateway.ask(`${path}&points=5&days=UTC`)).body).toMatchObject({
    status: 400,
    field: "days",
  });
  expect(asked).toEqual([]);
});

test("JSON has states in lists, and what is not known is missing", async () => {
  const { body } = await gateway.ask(path);
  const [machine] = body["machines"] as { machine: string; buckets: Record<string, unknown>[] }[];
  expect(machine).toMatchObject({ machine: "mill-1", silence_tolerance_seconds: 2_700 });
  const [known, unknown] = machine!.buckets;
  expect(known).toMatchObject({
    states: [
      { state: "UNKNOWN", seconds: 600, silent_seconds: 0, energy_kwh: 0.5, energy_coverage: 1 },
      {
        state: "ACTIVE",
        seconds: 3_000,
        silent_seconds: 61.5,
        energy_kwh: 1.5,
        energy_coverage: 0.5,
      },
    ],
    transitions: 3,
    availability: 0.75,
    energy_kwh: 2,
    coverage: 0.5,
  });
  expect(unknown).toEqual({
    time: known!["end_time"],
    end_time: expect.any(String),
    states: [{ state: "OFF", seconds: 60, silent_seconds: 0, energy_coverage: 0 }],
    transitions: 0,
  });
});

test("CSV and NDJSON have a row for each span, with a column for each state", async () => {
  const text = async (format: string) =>
    (await fetch(`${gateway.baseUrl}${path}&format=${format}`)).text();
  const [header, first, second, ...rest] = (await text("csv")).split("\n");
  const row = (line: string) =>
    Object.fromEntries(header!.split(",").map((name, i) => [name, line.split(",")[i]]));
  expect(row(first!)).toMatchObject({
    machine: "mill-1",
    unknown_seconds: "600",
    active_seconds: "3000",
    idle_seconds: "0",
    unknown_kwh: "0.5",
    active_kwh: "1.5",
    idle_kwh: "",
    transitions: "3",
    availability: "0.75",
    energy_kwh: "2",
    coverage: "0.5",
    unknown_silent_seconds: "0",
    active_silent_seconds: "61.5",
    off_silent_seconds: "0",
  });
  expect(row(second!)).toMatchObject({
    off_seconds: "60",
    off_kwh: "",
    availability: "",
    energy_kwh: "",
  });
  expect(rest).toEqual([""]);
  const lines = (await text("ndjson")).trim().split("\n");
  expect(JSON.parse(lines[1]!)).toMatchObject({
    off_seconds: 60,
    active_seconds: 0,
    transitions: 0,
  });
  expect(JSON.parse(lines[1]!)).not.toHaveProperty("off_kwh");
});
