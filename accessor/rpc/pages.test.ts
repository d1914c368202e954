// Pages of one query belong together: in order of time, revision and position, of one revision,
// whatever is committed between two of them.
import { Code } from "@connectrpc/connect";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { at, type BatchInit, column, epochUs } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";

let accessor: TestAccessor;
let nowMs = 1_000_000;
beforeAll(async () => {
  accessor = await openTestAccessor({ nowMs: () => nowMs });
});
afterAll(() => accessor[Symbol.asyncDispose]());

let sequence = 0n;
const ingest = (batch: BatchInit) =>
  accessor.ingest.ingestBatch({ producerId: "p", sequence: ++sequence, batch });

type Query = { signal: string; machines: string[]; pageSize?: number; from?: number; to?: number };

async function page({ from, to, ...query }: Query, pageToken = "") {
  return accessor.signals.querySignals({
    ...query,
    pageToken,
    ...(from === undefined ? {} : { startTime: at(epochUs + from) }),
    ...(to === undefined ? {} : { endTime: at(epochUs + to) }),
  });
}

async function pages(query: Query, between = async () => {}) {
  const rows: [number, unknown][] = [];
  let sizes: number[] = [];
  for (let token = ""; ; ) {
    const { signals, nextPageToken } = await page(query, token);
    sizes = [...sizes, signals.length];
    for (const { time, record } of signals)
      rows.push([Number(time!.seconds) * 1e6 + time!.nanos / 1000 - epochUs, record.value]);
    if (nextPageToken === "") return { rows, sizes };
    token = nextPageToken;
    await between();
  }
}

test("any samples in any batches, paged by any size", { timeout: 60_000 }, async () => {
  let run = 0;
  const samples = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(samples, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 1, max: 30 }),
      async (batches, pageSize, from, length) => {
        const machine = `any-${++run}`;
        let value = 0;
        const all: [number, number][] = [];
        for (const times of batches) {
          const batch = times.map((time) => [time, value++] as [number, number]);
          await ingest({
            machine,
            samples: [
              column(
                "power",
                batch.map(([time, v]) => [epochUs + time, v]),
              ),
            ],
          });
          all.push(...batch);
        }
        const wanted = all
          .filter(([time]) => time >= from && time < from + length)
          .toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
        const late = () =>
          ingest({ machine, samples: [column("power", [[epochUs + from, 1e9]])] }).then(() => {});
        const { rows, sizes } = await pages(
          { signal: "power", machines: [machine], pageSize, from, to: from + length },
          late,
        );
        expect(rows).toEqual(wanted);
        expect(sizes.slice(0, -1).every((size) => size === pageSize)).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});

test("states and errors at equal times, paged one by one while late ones come", async () => {
  const change = (time: number, reason: string) => ({
    time: at(epochUs + time),
    state: MachineState.IDLE,
    reason,
  });
  const report = (time: number, code: string) => ({
    time: at(epochUs + time),
    severity: Severity.INFO,
    code,
  });
  await ingest({
    machine: "e",
    stateChanges: [change(5, "a"), change(1, "b"), change(5, "c")],
    errorReports: [report(5, "a"), report(5, "b")],
  });
  await ingest({
    machine: "e",
    stateChanges: [change(5, "d"), change(0, "e")],
    errorReports: [report(5, "c"), report(1, "d")],
  });
  const late = () =>
    ingest({
      machine: "e",
      stateChanges: [change(5, "late")],
      errorReports: [report(5, "late")],
    }).then(() => {});
  const states = await pages({ signal: "state", machines: ["e"], pageSize: 1 }, late);
  expect(states.rows.map(([, value]) => (value as { reason: string }).reason).join("")).toBe(
    "ebacd",
  );
  const errors = await pages({ signal: "error", machines: ["e"], pageSize: 1 }, late);
  expect(errors.rows.map(([, value]) => (value as { code: string }).code)).toEqual([
    "d",
    "a",
    "b",
    "c",
    "late",
    "late",
    "late",
    "late",
  ]);
});

test("filters of states and errors", async () => {
  const time = at(epochUs);
  await ingest({
    machine: "f",
    stateChanges: [MachineState.ACTIVE, MachineState.IDLE, MachineState.FAULT].map((state) => ({
      time,
      state,
    })),
    errorReports: [
      { time, severity: Severity.INFO, code: "E10" },
      { time, severity: Severity.CRITICAL, code: "E1%" },
      { time, severity: Severity.CRITICAL, code: "X" },
    ],
  });
  const { querySignals } = accessor.signals;
  const states = await querySignals({
    signal: "state",
    machines: ["f"],
    states: [MachineState.IDLE, MachineState.FAULT],
  });
  expect(states.signals).toHaveLength(2);
  const codes = async (filter: { severities?: Severity[]; codePrefix?: string }) =>
    (await querySignals({ signal: "error", machines: ["f"], ...filter })).signals.map(
      ({ record }) => (record.value as { code: string }).code,
    );
  expect(await codes({ severities: [Severity.CRITICAL] })).toEqual(["E1%", "X"]);
  expect(await codes({ codePrefix: "E1%" })).toEqual(["E1%"]);
  for (const [wrong, field] of [
    [{ signal: "state", codePrefix: "E" }, "code_prefix"],
    [{ signal: "error", states: [MachineState.IDLE] }, "states"],
    [{ signal: "state", severities: [Severity.INFO] }, "severities"],
    [{ signal: "error", codePrefix: "\0" }, "code_prefix"],
    [{ signal: "error", pageSize: 10_001 }, "page_size"],
    [{ signal: "error", pageSize: -1 }, "page_size"],
    [{ signal: "" }, "signal"],
    [{ signal: "state", states: [17 as MachineState] }, "states.[0]"],
  ] as const)
    expect(await reasonOf(querySignals(wrong as never))).toMatchObject({
      code: Code.InvalidArgument,
      reason: "REQUEST_INVALID",
      fields: [field],
    });
});

test("what cannot be asked says why", async () => {
  const { querySignals } = accessor.signals;
  await ingest({ machine: "u", samples: [column("heat", [[epochUs, 1]])] });
  const unknown = await reasonOf(querySignals({ signal: "heatt" }));
  expect(unknown).toMatchObject({
    code: Code.NotFound,
    reason: "SIGNAL_UNKNOWN",
    metadata: { signal: "heatt" },
  });
  expect(unknown.metadata!["known"]).toMatch(/^error, heat, .*state$/);
  expect(await reasonOf(querySignals({ signal: "Heat" }))).toMatchObject({
    reason: "SIGNAL_NAME_INVALID",
  });
  expect(await reasonOf(querySignals({ signal: "heat", machines: ["a\tb"] }))).toMatchObject({
    reason: "MACHINE_NAME_INVALID",
  });
  const backwards = querySignals({
    signal: "heat",
    startTime: at(epochUs + 1_000),
    endTime: at(epochUs),
  });
  expect(await reasonOf(backwards)).toMatchObject({
    code: Code.InvalidArgument,
    reason: "TIME_RANGE_INVALID",
    metadata: { start_time: "2026-01-05T00:00:00.001Z", end_time: "2026-01-05T00:00:00.000Z" },
  });
  const outside = querySignals({ signal: "heat", startTime: { seconds: 253_402_300_800n } });
  expect(await reasonOf(outside)).toMatchObject({ reason: "TIME_RANGE_INVALID" });
  const widest = await querySignals({
    signal: "heat",
    startTime: { seconds: -62_135_596_800n },
    endTime: { seconds: 253_402_300_799n, nanos: 999_999_999 },
  });
  expect(widest.signals).toHaveLength(1);
  expect((await querySignals({ signal: "heat", machines: ["nobody"] })).signals).toEqual([]);
});

test("a page token is good for its query, unaltered, for 15 minutes", async () => {
  const times = [0, 1, 2, 3].map((time) => [epochUs + time, time] as const);
  await ingest({ machine: "t", samples: [column("power", times)] });
  const query = { signal: "power", machines: ["t"], pageSize: 1 };
  const { nextPageToken: token } = await page(query);
  const again = (changes: Partial<Query>) => page({ ...query, ...changes }, token);
  expect((await again({ pageSize: 3 })).signals).toHaveLength(3);
  const invalid = { code: Code.InvalidArgument, reason: "PAGE_TOKEN_INVALID" };
  expect(await reasonOf(again({ machines: [] }))).toMatchObject(invalid);
  expect(await reasonOf(again({ to: 2 }))).toMatchObject(invalid);
  for (let i = 0; i < token.length; i++) {
    const altered = `${token.slice(0, i)}${token[i] === "A" ? "B" : "A"}${token.slice(i + 1)}`;
    expect(await reasonOf(page(query, altered)), `character ${i}`).toMatchObject(invalid);
  }
  for (const other of [`${token}!`, token.slice(1), "x"])
    expect(await reasonOf(page(query, other))).toMatchObject(invalid);
  nowMs += 15 * 60_000;
  await again({});
  nowMs += 1;
  expect(await reasonOf(again({}))).toMatchObject({
    code: Code.FailedPrecondition,
    reason: "PAGE_TOKEN_EXPIRED",
  });
});

test("a page token of another database is none", async () => {
  await using other = await openTestAccessor({ nowMs: () => nowMs });
  const batch = {
    machine: "t",
    samples: [
      column("power", [
        [epochUs, 0],
        [epochUs, 1],
      ]),
    ],
  };
  await other.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  const query = { signal: "power", machines: ["t"], pageSize: 1 };
  const { nextPageToken } = await other.signals.querySignals(query);
  expect(await reasonOf(page(query, nextPageToken))).toMatchObject({
    reason: "PAGE_TOKEN_INVALID",
  });
});

test("a page token is good at every accessor of its database, and after a restart", async () => {
  await using one = await openTestAccessor({ nowMs: () => nowMs });
  const times = [0, 1, 2].map((time) => [epochUs + time, time] as const);
  const batch = { machine: "t", samples: [column("power", times)] };
  await one.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  const query = { signal: "power", machines: ["t"], pageSize: 1 };
  const { nextPageToken: pageToken } = await one.signals.querySignals(query);
  await using other = await openTestAccessor({ nowMs: () => nowMs, databaseUrl: one.databaseUrl });
  expect((await other.signals.querySignals({ ...query, pageToken })).signals).toHaveLength(1);
});
