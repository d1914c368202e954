// Summaries by label: each group is what the summaries of its machines add up to, in pages of whole
// groups, of the machines that the caller may see.

import type { Duration } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { MachineGroupSummary, MachineSummary } from "#gen/millrace/v1/summary_pb.ts";
import { toDurationUs } from "../../codec/timestamps.ts";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { at, type BatchInit, column, epochUs } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";
import { openClients, openKeyFixture } from "../testing/keys.ts";

type Clients = ReturnType<typeof openClients>;

let [all, some] = [] as unknown as [Clients, Clients];
const stack = new AsyncDisposableStack();
const hourUs = 3_600e6;
const window = { startTime: at(epochUs), endTime: at(epochUs + hourUs) };
const compare = {
  compareStartTime: at(epochUs - hourUs),
  compareEndTime: at(epochUs + hourUs / 2),
};
/** Machine and line; the last has no power, the one before a unit that gives no energy. */
const lines: [string, string | undefined][] = [
  ["a-1", "3"],
  ["a-2", "10"],
  ["a-3", "3"],
  ["b-1", undefined],
  ["b-2", "3"],
  ["b-3", "10"],
];

beforeAll(async () => {
  const database = stack.use(await testDatabase());
  const log = createLog({ name: "test", level: "silent" });
  const keys = stack.use(await openKeyFixture(database.url, log));
  const admin = await keys.create({ scope: ["admin"] });
  const ofA = await keys.create({ scope: ["read"], machine: ["a-*"] });
  const accessor = stack.use(await openTestAccessor({ databaseUrl: database.url, auth: {} }));
  all = stack.use(openClients(accessor.port, admin));
  some = stack.use(openClients(accessor.port, ofA));
  const { ACTIVE, IDLE, FAULT } = MachineState;
  for (const [i, [machine, line]] of lines.entries()) {
    const minute = (n: number) => at(epochUs + n * 60e6);
    const power = column(
      "power",
      Array.from({ length: 20 }, (_, n) => [epochUs + n * 120e6, 1_000 * (i + 1) + n]),
    );
    const unit = machine === "b-2" ? "VA" : i % 2 === 0 ? "W" : "kW";
    const samples = machine === "b-3" ? [] : [{ ...power, unit, maxGap: { seconds: 300n } }];
    const batch: BatchInit = {
      machine,
      samples,
      stateChanges: [ACTIVE, IDLE, FAULT, ACTIVE].map((state, n) => ({
        time: minute(5 * n + i),
        state,
      })),
      errorReports: Array.from({ length: 60 }, (_, n) => ({
        time: minute(n % 30),
        severity: Severity.ERROR,
        code: `E${n}`,
      })),
    };
    await all.ingest.ingestBatch({ producerId: "p", sequence: BigInt(i + 1), batch });
    const labels: Record<string, string> = line === undefined ? {} : { line };
    await all.machines.updateMachine({ machine, labels: { ...labels, type: "press" } });
  }
});
afterAll(() => stack.disposeAsync());

const us = (duration: Duration | undefined) => (duration ? toDurationUs(duration) : 0);
const plus = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

/** The same from summaries of machines, added up one by one. */
function expectSum(group: MachineGroupSummary, machines: readonly MachineSummary[]): void {
  expect(group.machineCount).toBe(machines.length);
  expect([group.startTime, group.endTime]).toEqual([machines[0]!.startTime, machines[0]!.endTime]);
  const wanted = new Set(machines.flatMap(({ states }) => states.map(({ state }) => state)));
  expect(group.states.map(({ state }) => state)).toEqual([...wanted].sort((a, b) => a - b));
  for (const one of group.states) {
    const own = machines.flatMap(({ states }) => states.filter(({ state }) => state === one.state));
    expect(us(one.time)).toBe(plus(own.map(({ time }) => us(time))));
    expect(us(one.silentTime)).toBe(plus(own.map(({ silentTime }) => us(silentTime))));
    expect(one.energyKwh).toBeCloseTo(plus(own.map(({ energyKwh }) => energyKwh)), 9);
    const covered = plus(own.map(({ time, energyCoverage }) => us(time) * energyCoverage));
    expect(one.energyCoverage).toBeCloseTo(covered / us(one.time), 9);
  }
  const timeIn = (...states: MachineState[]) =>
    plus(group.states.map(({ state, time }) => (states.includes(state) ? us(time) : 0)));
  const { ACTIVE, IDLE, FAULT } = MachineState;
  const judged = timeIn(ACTIVE, IDLE, FAULT);
  if (judged > 0) expect(group.availability).toBeCloseTo(timeIn(ACTIVE, IDLE) / judged, 12);
  else expect(group.availability).toBeUndefined();
  expect(Number(group.transitions)).toBe(plus(machines.map((one) => Number(one.transitions))));
  const energies = machines.flatMap(({ energy }) => energy ?? []);
  expect(group.energy?.machineCount ?? 0).toBe(energies.length);
  if (energies.length > 0) {
    expect(group.energy!.energyKwh).toBeCloseTo(plus(energies.map((one) => one.energyKwh)), 9);
    const coverage = plus(energies.map((one) => one.coverage)) / machines.length;
    expect(group.energy!.coverage).toBeCloseTo(coverage, 12);
  }
  const { errors } = group;
  expect(Number(errors!.count)).toBe(plus(machines.map((one) => Number(one.errors!.count))));
  // Of 60 codes each machine lists 50; the group counts all before it cuts.
  expect(errors!.byCode.map(({ count }) => Number(count))).toEqual(
    Array(errors!.byCode.length).fill(machines.length),
  );
  expect(errors!.byCode.length + Number(errors!.otherCodes) / machines.length).toBe(
    Number(errors!.count) / machines.length,
  );
}

test.each([
  ["the window", {}],
  ["two windows", compare],
])("each group is the sum of its machines, for %s", async (_, more) => {
  const asked = { ...window, ...more };
  const answer = await all.signals.summarizeMachines({ ...asked, groupByLabel: "line" });
  const { machines, compared } = await all.signals.summarizeMachines(asked);
  // By code point, as machines are; those without the label come last.
  expect(answer.groups.map(({ value }) => value)).toEqual(["10", "3", undefined]);
  expect([answer.machines, answer.compared, answer.nextPageToken]).toEqual([[], [], ""]);
  expect(answer.comparedGroups).toHaveLength("compareStartTime" in more ? 3 : 0);
  for (const [groups, from] of [
    [answer.groups, machines],
    [answer.comparedGroups, compared],
  ] as const)
    for (const group of groups)
      expectSum(
        group,
        from.filter(({ machine }) => lines.some(([m, l]) => m === machine && l === group.value)),
      );
});

test("pages hold whole groups, and together they are the answer", async () => {
  const asked = { ...window, ...compare, groupByLabel: "line" };
  const whole = await all.signals.summarizeMachines(asked);
  const found: MachineGroupSummary[] = [];
  const others: MachineGroupSummary[] = [];
  let pages = 0;
  for (let pageToken = ""; ; pages++) {
    const page = await all.signals.summarizeMachines({ ...asked, pageSize: 1, pageToken });
    found.push(...page.groups);
    others.push(...page.comparedGroups);
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  expect(pages).toBe(2);
  expect([found, others]).toEqual([whole.groups, whole.comparedGroups]);
});

test("a key for some machines gets the groups of these, and a filter narrows them", async () => {
  const ask = async (clients: Clients, more: object) => {
    const asked = { ...window, groupByLabel: "line", ...more };
    const { groups } = await clients.signals.summarizeMachines(asked);
    return groups.map(({ value, machineCount }) => [value, machineCount]);
  };
  expect(await ask(some, {})).toEqual([
    ["10", 1],
    ["3", 2],
  ]);
  expect(await ask(some, { labels: ["line:3"], machines: ["a-1", "b-2"] })).toEqual([["3", 1]]);
  expect(await ask(all, { labels: ["type:press", "line:10"] })).toEqual([["10", 2]]);
  expect(await ask(all, { labels: ["line:99"] })).toEqual([]);
  expect(await ask(all, { groupByLabel: "nothing" })).toEqual([[undefined, 6]]);
});

test("an empty window has groups without time, and peaks are refused", async () => {
  const future = { startTime: { seconds: 4_000_000_000n }, groupByLabel: "line" };
  const { groups } = await all.signals.summarizeMachines(future);
  expect(groups.map(({ value, states, energy }) => [value, states, energy])).toEqual(
    ["10", "3", undefined].map((value) => [value, [], undefined]),
  );
  const peaks = { ...window, groupByLabel: "line", demandInterval: { seconds: 900n } };
  expect(await reasonOf(all.signals.summarizeMachines(peaks))).toMatchObject({
    reason: "REQUEST_INVALID",
    fields: ["demand_interval"],
  });
});
