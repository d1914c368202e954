// /machines and /machines/{machine}: what reaches the accessor and comes back, what the gateway
// refuses, and labels as a parameter of every route that takes machines.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { UpdateMachineRequest } from "#gen/millrace/v1/machine_service_pb.ts";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { answerEverything, nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { answerMachines } from "../testing/machine-answers.ts";
import { routes } from "./routes.ts";

let gateway: TestGateway;
let updates: UpdateMachineRequest[];
let asked: Record<string, unknown>[];
beforeAll(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => {
  [updates, asked] = [[], []];
  const machines = answerMachines();
  gateway.accessor.machines = {
    ...machines,
    updateMachine: (request, context) => {
      updates.push(request);
      return machines.updateMachine(request, context);
    },
  };
  const answers = Object.entries(answerEverything()).map(([name, handle]) => [
    name,
    (request: Record<string, unknown>, ...rest: unknown[]) => {
      asked.push(request);
      return (handle as (...all: unknown[]) => unknown)(request, ...rest);
    },
  ]);
  gateway.accessor.signals = Object.fromEntries(answers);
});

const send = (method: string, body: unknown, type = "application/json") =>
  gateway.ask("/machines/Halle%203%20%2F%20Presse", {
    method,
    headers: { "content-type": type },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

test("PUT replaces the whole description, and the machine comes back", async () => {
  const body = {
    display_name: "Presse e\u0301",
    labels: { line: "3", hall: null, constructor: "S" },
  };
  const { status, body: answer } = await send("PUT", body);
  expect([status, answer]).toEqual([
    200,
    {
      name: "Halle 3 / Presse",
      display_name: "Presse \u00e9",
      labels: { line: "3", hall: "", constructor: "S" },
      signals: [],
    },
  ]);
  await send("PUT", {});
  const [first, second] = updates;
  expect([first, second]).toMatchObject([
    {
      machine: "Halle 3 / Presse",
      displayName: "Presse \u00e9",
      labels: { line: "3", hall: "", constructor: "S" },
      replaceLabels: true,
    },
    { displayName: "", replaceLabels: true },
  ]);
  expect(second!.labels).toEqual({});
});

test("PATCH changes what is named: null and empty remove, and null is for all labels", async () => {
  for (const body of [
    { displayName: "P" },
    { display_name: null },
    { labels: { line: "4", hall: null, type: "" } },
    { labels: null, display_name: "P" },
  ])
    expect((await send("PATCH", body)).status).toBe(200);
  expect(
    updates.map(({ displayName, labels, replaceLabels }) => [displayName, labels, replaceLabels]),
  ).toEqual([
    ["P", {}, false],
    ["", {}, false],
    [undefined, { line: "4", hall: "", type: "" }, false],
    ["P", {}, true],
  ]);
});

test.each<[unknown, string, RegExp]>([
  [{}, "body", /give at least one of display_name, labels/],
  ["[]", "body", /expected an object/],
  [{ label: { line: "3" } }, "label", /"label" is not a field of a machine's description.*labels/],
  ['{"__proto__":{"a":"b"}}', "__proto__", /"__proto__" is not a field/],
  [{ display_name: 7 }, "display_name", /a text or null is expected/],
  [{ display_name: " P" }, "display_name", /begins with a blank/],
  [{ display_name: "a", displayName: "b" }, "display_name", /both spellings/],
  [{ labels: ["line:3"] }, "labels", /expected an object, such as/],
  [{ labels: { line: 3 } }, "labels", /label line must be a text, or null/],
  [{ labels: { Line: "3" } }, "labels", /key "Line" is no key of a label/],
  [{ labels: { Line: null } }, "labels", /key "Line" is no key of a label/],
  ['{"labels":{"__proto__":"x"}}', "labels", /key "__proto__" is no key/],
  [{ labels: { line: "x".repeat(129) } }, "labels", /more than 128 characters/],
])("PATCH %j is refused before it is sent", async (body, field, detail) => {
  const { status, body: problem } = await send("PATCH", body);
  expect([status, problem["field"]]).toEqual([400, field]);
  expect(problem["detail"]).toMatch(detail);
  expect(updates).toEqual([]);
});

test("another type is refused, and so is a name that is none", async () => {
  expect((await send("PUT", "display_name,line", "text/csv")).status).toBe(415);
  const { body } = await gateway.ask("/machines/%20");
  expect(body).toMatchObject({ name: " " });
});

test("GET shows one machine, and the list shows the same of many", async () => {
  const { body } = await gateway.ask("/machines/mill-1");
  expect(body).toEqual({
    name: "mill-1",
    display_name: "Mill 1",
    labels: { hall: "north", line: "3" },
    signals: ["power", "state"],
    signals_left_out: 1,
    first_seen_time: "2026-03-01T07:59:59Z",
  });
  const list = await gateway.ask("/machines?label=line:3&label=hall:north");
  expect(list.body["machines"]).toMatchObject([{ name: "mill-1", labels: {} }]);
  expect(asked).toMatchObject([{ labels: ["line:3", "hall:north"] }]);
});

/** POST has it too: the machine of rows that name none. */
const taking = routes.filter(
  ({ method, query }) => method === "GET" && Object.hasOwn(query, "machine"),
);

test("every route that takes machines takes labels", () => {
  expect(taking.length).toBeGreaterThan(6);
  for (const { path, query } of taking)
    expect([path, Object.keys(query)]).toContainEqual(expect.arrayContaining(["label"]));
});

test.each(
  taking.flatMap(({ path, example, formats }) => formats.map((format) => [path, format, example])),
)("labels of %s as %s reach the accessor", async (_, format, example) => {
  const separator = example!.includes("?") ? "&" : "?";
  const query = "label=line:3,line:4&label=hall:a%5C,b:e%CC%81";
  const stop = new AbortController();
  const url = `${gateway.baseUrl}${example}${separator}${query}&format=${format}`;
  const response = await fetch(url, { signal: stop.signal });
  expect(response.status).toBe(200);
  const labels = ["line:3", "line:4", "hall:a,b:\u00e9"];
  expect(asked.length).toBeGreaterThan(0);
  for (const request of asked) {
    const { query: versioned } = request as { query?: { value: unknown } };
    expect(versioned?.value ?? request).toMatchObject({ labels });
  }
  stop.abort();
});

test("a label that is none is refused by name", async () => {
  for (const [label, detail] of [
    ["line", /"line" is no label; write key:value, such as line:3/],
    ["Line:3", /key "Line" is no key/],
    ["", /is empty: name at least one/],
  ] as const) {
    const { status, body } = await gateway.ask(`/signals/state?label=${label}`);
    expect([status, body["field"]]).toEqual([400, "label"]);
    expect(body["detail"]).toMatch(detail);
  }
  expect(asked).toEqual([]);
});

test("summaries by label come as groups, with those of the other window beside them", async () => {
  const group = (value: string | undefined, count: number) => ({
    ...(value === undefined ? {} : { value }),
    machineCount: count,
    startTime: { seconds: 1_772_348_400n },
    endTime: { seconds: 1_772_352_000n },
    states: [
      {
        state: MachineState.ACTIVE,
        time: { seconds: 7_200n },
        energyKwh: 1.5,
        energyCoverage: 0.5,
      },
    ],
    transitions: 3n,
    availability: 1,
    ...(value === undefined ? {} : { energy: { energyKwh: 1.5, coverage: 0.5, machineCount: 1 } }),
    errors: { count: 2n },
  });
  gateway.accessor.signals.summarizeMachines = (request) => {
    asked.push(request as never);
    return {
      groups: [group("3", 2), group(undefined, 1)],
      comparedGroups: [group("3", 1), group(undefined, 1)],
      nextPageToken: "g2",
      cursor: "c7",
    };
  };
  const { body } = await gateway.ask(
    "/machines/summary?from=2026-03-01T07:00Z&group_by_label=line&label=hall:n",
  );
  expect(asked.at(-1)).toMatchObject({ groupByLabel: "line", labels: ["hall:n"] });
  const errors = { count: 2, by_severity: {}, by_code: [], other_codes: 0 };
  const shown = {
    machine_count: 2,
    from: "2026-03-01T07:00:00Z",
    to: "2026-03-01T08:00:00Z",
    states: [
      { state: "ACTIVE", seconds: 7_200, silent_seconds: 0, energy_kwh: 1.5, energy_coverage: 0.5 },
    ],
    transitions: 3,
    availability: 1,
    errors,
  };
  const energy = { energy_kwh: 1.5, coverage: 0.5, machine_count: 1 };
  expect(body).toEqual({
    machines: [],
    groups: [
      {
        value: "3",
        ...shown,
        energy,
        compared: { value: "3", ...shown, energy, machine_count: 1 },
      },
      { ...shown, machine_count: 1, compared: { ...shown, machine_count: 1 } },
    ],
    next_page_token: "g2",
    cursor: "c7",
  });
});
