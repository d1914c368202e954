// A version names an answer: while it is the same, so is the answer, whatever is committed, late,
// compacted; and what is none of it changes nothing.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import { forAtMost } from "../../test/testing/for-at-most.ts";
import { at, type BatchInit, column, grid } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";
import { anyBatch, anyWindow, baseUs, toBatch } from "../testing/records.ts";
import {
  askVersion,
  expectSame,
  minuteUs,
  type Query,
  queriesOf,
  toQuery,
} from "../testing/versions.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());

/** A month after what the tests send. */
const monthUs = baseUs + 30 * 1440 * minuteUs;
const ask = (query: Query, revision: number, committedUs?: number) =>
  askVersion(history, { query, revision, committedUs });

test("the same version is the same answer, through late records and compaction at any moment", {
  timeout: 120_000,
}, async () => {
  const act = fc.oneof(
    { weight: 5, arbitrary: anyBatch.map((batch) => ({ batch })) },
    { weight: 2, arbitrary: fc.constantFrom(1, 2, 20_000).map((maxRows) => ({ maxRows })) },
  );
  const scenario = fc.record({
    acts: fc.array(act, { minLength: 2, maxLength: 14, size: "max" }),
    windows: fc.tuple(anyWindow, anyWindow),
    machines: fc.constantFrom([], ["a"], ["a", "b"]),
  });
  let [same, changed] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      scenario,
      forAtMost(15_000, async ({ acts, windows, machines }) => {
        await history.clear();
        const queries = windows.flatMap((window) => queriesOf(window, machines));
        const known = queries.map(() => new Map<string, string>());
        let revision = 0;
        for (const one of acts) {
          if ("batch" in one) revision = (await history.ingest(toBatch(one.batch))).revision;
          else await history.compact({ maxRows: one.maxRows });
          for (const [i, query] of queries.entries()) {
            const got = await ask(query, revision, monthUs);
            if (got === undefined) continue;
            const before = known[i]!.get(got.version);
            if (before === undefined) changed++;
            else same++;
            if (before === undefined) known[i]!.set(got.version, got.answer);
            else expectSame(got.answer, before, `${query.case} at ${revision}`);
          }
        }
      }),
    ),
    { numRuns: 10 },
  );
  expect(same).toBeGreaterThan(50);
  expect(changed).toBeGreaterThan(50);
});

/** A minute of the present machine's signals, from a time on. */
const minuteOf = (machine: string, fromUs: number): BatchInit => ({
  machine,
  samples: [
    grid(
      "power",
      fromUs,
      Array.from({ length: 6_000 }, (_, i) => i % 50),
    ),
  ],
  stateChanges: [
    { time: at(fromUs), state: MachineState.ACTIVE },
    { time: at(fromUs + 30e6), state: MachineState.IDLE },
  ],
  errorReports: [{ time: at(fromUs + 10e6), severity: Severity.ERROR, code: "E1" }],
});

test("neighbours, other times and compaction change no version; what is late does, of its own questions only", async () => {
  await history.clear();
  let revision = 0;
  const commit = async (batch: BatchInit) => {
    ({ revision } = await history.ingest(batch));
  };
  for (let i = 0; i < 90; i++)
    for (const machine of ["a", "b"]) await commit(minuteOf(machine, baseUs + i * minuteUs));
  const queries = queriesOf({ fromUs: baseUs + 10 * minuteUs, toUs: baseUs + 80 * minuteUs }, [
    "a",
  ]).filter((query) => query.case !== "querySignals" || query.value.signal !== "oil");
  const versions = () =>
    Promise.all(queries.map(async (query) => (await ask(query, revision, monthUs))!.version));
  const first = await versions();
  expect(new Set(first).size).toBeGreaterThan(3);
  await history.compact({ maxRows: 200 });
  expect(await versions()).toEqual(first);
  await history.compactAll();
  expect(await versions()).toEqual(first);
  // Much later, and of a neighbour, in the log and compacted.
  await commit(minuteOf("a", baseUs + 100 * minuteUs));
  await commit(minuteOf("b", baseUs + 40 * minuteUs));
  expect(await versions()).toEqual(first);
  await history.compactAll();
  expect(await versions()).toEqual(first);
  // One sample that is late: pages of power, buckets and the summary, but not states, errors and
  // intervals.
  await commit({
    machine: "a",
    samples: [column("power", [[baseUs + 41 * minuteUs + 5, 7]])],
  });
  const late = await versions();
  const kinds = queries.map(({ case: kind, value }) => ("signal" in value ? value.signal : kind));
  const changed = ["power", "aggregateSamples", "summarizeMachines", "aggregateStates"];
  expect(kinds.filter((_, i) => late[i] !== first[i])).toEqual(changed);
  await history.compactAll();
  expect(await versions()).toEqual(late);
});

test("of states beyond the window counts what its answer tells of them: no more", async () => {
  await history.clear();
  let revision = 0;
  const change = async (minute: number, state: MachineState, reason = "") => {
    const stateChanges = [{ time: at(baseUs + minute * minuteUs), state, reason }];
    ({ revision } = await history.ingest({ machine: "a", stateChanges }));
  };
  const queries = queriesOf({ fromUs: baseUs + 20 * minuteUs, toUs: baseUs + 40 * minuteUs }, [
    "a",
  ]).filter((query) => query.case === "summarizeMachines" || query.case === "listStateIntervals");
  let known: string[] = [];
  const changed = async () => {
    const before = known;
    known = await Promise.all(
      queries.map(async (query) => (await ask(query, revision, monthUs))!.version),
    );
    return queries.filter((_, i) => known[i] !== before[i]).map((query) => query.case);
  };
  for (const compacted of [false, true]) {
    await history.clear();
    const then = async () => {
      if (compacted) await history.compactAll();
      return changed();
    };
    await change(0, MachineState.ACTIVE, "first");
    await then();
    await change(0.5, MachineState.ACTIVE, "again");
    expect(await then()).toEqual([]);
    await change(60, MachineState.IDLE);
    expect(await then()).toEqual(["listStateIntervals"]);
    await change(90, MachineState.FAULT);
    expect(await then()).toEqual([]);
    await change(-5, MachineState.ACTIVE, "earlier");
    expect(await then()).toEqual(["listStateIntervals"]);
    await change(10, MachineState.FAULT);
    expect(await then()).toEqual(["summarizeMachines", "listStateIntervals"]);
  }
});

test("a window whose end has not come has a version for each commit, and a fixed page one for ever", async () => {
  await history.clear();
  for (let i = 0; i < 3; i++) await history.ingest(minuteOf("a", baseUs + i * minuteUs));
  const { service, context } = history.serviceAt(3, baseUs + 3 * minuteUs);
  const open = toQuery({ case: "summarizeMachines", value: { startTime: at(baseUs) } });
  const value = { startTime: at(baseUs), endTime: at(Date.now() * 1000 + 86_400e6) };
  const coming = toQuery({ case: "summarizeMachines", value });
  const [first, ofToday] = [await ask(open, 3), await ask(coming, 3)];
  const page = await service.querySignals(
    create(rpc.QuerySignalsRequestSchema, { signal: "power", pageSize: 10 }),
    context,
  );
  const next = toQuery({
    case: "querySignals",
    value: { signal: "power", pageSize: 10, pageToken: page.nextPageToken! },
  });
  const fixed = await ask(next, 3);
  await history.ingest(minuteOf("a", baseUs + minuteUs));
  expect((await ask(open, 4))!.version).not.toBe(first!.version);
  expect((await ask(coming, 4))!.version).not.toBe(ofToday!.version);
  expect(await ask(next, 4)).toEqual(fixed);
});

test("what retention removes changes versions of what is that old", async () => {
  await history.clear();
  for (let i = 0; i < 3; i++) await history.ingest(minuteOf("a", baseUs + i * minuteUs));
  const old = toQuery({ case: "querySignals", value: { signal: "power", startTime: at(baseUs) } });
  const young = toQuery({
    case: "querySignals",
    value: { signal: "power", startTime: at(baseUs + 2 * minuteUs) },
  });
  const before = [await ask(old, 3), await ask(young, 3)].map((got) => got!.version);
  await history.query("select note_removal($1)", [baseUs + minuteUs]);
  const after = [await ask(old, 3), await ask(young, 3)].map((got) => got!.version);
  expect(after[0]).not.toBe(before[0]);
  expect(after[1]).toBe(before[1]);
});

test("a late sample just past a window's end, to which its line leads, is another version of its sums", async () => {
  await history.clear();
  const toUs = baseUs + 10 * minuteUs;
  const commit = (timeUs: number, value: number) =>
    history.ingest({
      machine: "late",
      samples: [{ ...column("power", [[timeUs, value]]), unit: "W" }],
    });
  await history.ingest({
    machine: "late",
    stateChanges: [{ time: at(baseUs), state: MachineState.ACTIVE }],
  });
  const before = await commit(toUs - 5_000, 1_000);
  const queries = queriesOf({ fromUs: baseUs, toUs }, ["late"]).slice(4, 7);
  const askAll = async (revision: number) =>
    Promise.all(queries.map(async (query) => (await ask(query, revision))!));
  const known = await askAll(before.revision);
  const after = await commit(toUs + 5_000, 1_000);
  for (const [i, one] of (await askAll(after.revision)).entries())
    for (const part of ["answer", "version"] as const) expect(one[part]).not.toBe(known[i]![part]);
});
