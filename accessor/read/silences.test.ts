// Silences of many machines, as of every revision, for records in any order and compaction at any
// time: they equal the result of a walk through all minutes. Also for databases whose past is not
// filled in yet.
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState, SampleType, Severity, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { forAtMost } from "../../test/testing/for-at-most.ts";
import { cutSilences } from "../history/silence.ts";
import { readWatermark } from "../store/watermark.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory, tickUs, unaborted } from "../testing/history.ts";
import {
  anyBatch,
  anyWindow,
  baseUs,
  type RawRecord,
  toBatch,
  toRecords,
  type Window,
} from "../testing/records.ts";
import { joined, silentMinutes } from "../testing/silence.ts";
import { readSilences } from "./silences.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const minuteUs = 60e6;

/** Silences of each machine in each window. minutes: the longest max_gap. */
async function silences(
  revision: number,
  windows: readonly Window[],
  minutes = 10,
): Promise<Map<string, Window[][]>> {
  const { catalog, database } = history;
  catalog.markStale();
  const all = await catalog.select({ machines: [], signals: [] });
  const machines = [...Map.groupBy(all, ({ machine }) => machine)];
  const asked = machines.flatMap(([, mine]) => {
    const declared = {
      kind: SignalKind.NUMERIC,
      maxGapUs: minutes * minuteUs,
      sampleType: SampleType.LINEAR,
    };
    const slow = { ...mine[0]!, id: -1, ...declared };
    const series = [...mine, slow];
    return windows.map((window) => ({ ...window, machineId: mine[0]!.machineId, series }));
  });
  const watermark = await readWatermark(database, revision, {});
  const found = await readSilences(database, asked, { revision, watermark, abort: unaborted });
  const cut = found.map((own, i) => cutSilences(own, asked[i]!));
  return new Map(
    machines.map(
      ([machine], i) => [machine, cut.slice(i * windows.length, (i + 1) * windows.length)] as const,
    ),
  );
}

test("they are what the minutes say, at every revision", { timeout: 90_000 }, async () => {
  const act = fc.oneof(
    { weight: 3, arbitrary: anyBatch.map((batch) => ({ batch })) },
    { weight: 1, arbitrary: fc.constantFrom(1, 3, 20_000).map((maxRows) => ({ maxRows })) },
  );
  const scenario = fc.record({
    acts: fc.array(act, { minLength: 1, maxLength: 14, size: "max" }),
    windows: fc.array(anyWindow, { minLength: 1, maxLength: 4 }),
    minutes: fc.constantFrom(1, 10, 11, 25, 59, 60, 90),
  });
  await fc.assert(
    fc.asyncProperty(
      scenario,
      forAtMost(8_000, async ({ acts, windows, minutes }) => {
        await history.clear();
        const records: RawRecord[] = [];
        for (const one of acts) {
          if ("maxRows" in one) await history.compact({ maxRows: one.maxRows });
          else
            records.push(
              ...toRecords(one.batch, (await history.ingest(toBatch(one.batch))).revision),
            );
        }
        for (let revision = 0; revision <= (records.at(-1)?.revision ?? 0); revision++) {
          const known = records.filter((one) => one.revision <= revision);
          for (const [machine, found] of await silences(revision, windows, minutes))
            for (const [i, window] of windows.entries()) {
              const own = known.filter((one) => one.machine === machine);
              const expected = joined(silentMinutes(own, window, Math.max(10, minutes) * minuteUs));
              expect(found[i], `${machine} at ${revision}`).toEqual(expected);
            }
        }
      }),
    ),
    { numRuns: 15 },
  );
});

/** A sample of machine m at each of some minutes, of a signal that is sent every second. */
function sendAt(minutes: readonly number[]) {
  const own = minutes.map((minute) => [baseUs + minute * minuteUs, 1] as const);
  return history.ingest({
    machine: "m",
    samples: [{ ...column("power", own), maxGap: { seconds: 1n } }],
  });
}

const hours = (count: number) => ({ fromUs: baseUs, toUs: baseUs + count * 60 * minuteUs });
const inMinutes = (spans: readonly Window[]) =>
  spans.map(({ fromUs, toUs }) => [(fromUs - baseUs) / minuteUs, (toUs - baseUs) / minuteUs]);

test("until a machine's past is filled in, it is called silent nowhere in it", async () => {
  await sendAt([0, 5, 40]);
  // A day later.
  await sendAt([1_440, 1_500]);
  await history.compactAll();
  const known = [
    [16, 40],
    [51, 1_440],
    [1_451, 1_500],
    [1_511, 1_560],
  ];
  const ask = async () =>
    inMinutes((await silences(Number.MAX_SAFE_INTEGER, [hours(26)])).get("m")![0]!);
  expect(await ask()).toEqual(known);
  await history.query(
    "truncate alive_hour; insert into alive_due (machine_id) select id from machine",
  );
  expect(await ask()).toEqual([]);
  // The newest day, which begins at minute 90; then all.
  await history.query("select note_days_before(9), note_alive_before(1)");
  const newest = [[100, 1_440], ...known.slice(2)];
  expect(await ask()).toEqual(newest);
  await sendAt([1_480]);
  const late = [
    [1_451, 1_480],
    [1_491, 1_500],
    [1_511, 1_560],
  ];
  expect(await ask()).toEqual([newest[0], ...late]);
  await history.compactAll();
  expect(await ask()).toEqual([newest[0], ...late]);
  await history.tidy();
  expect(await ask()).toEqual([...known.slice(0, 2), ...late]);
});

test("a year of a machine that is always alive is read as a few rows", async () => {
  await sendAt([0]);
  await history.compactAll();
  await history.query(
    `insert into alive_hour (valid_from, machine_id, hour_us, minutes, first_minute, last_minute)
    select 1, (select id from machine where name = 'm'), $1::int8 + n * 3600000000, 585778247513837601 | 1, 0, 59
    from generate_series(1, 8760) n`,
    [Math.floor(baseUs / 3_600e6) * 3_600e6],
  );
  const rows: number[] = [];
  const counted = { ...history.database };
  counted.read = async (...query) => {
    const answer = await history.database.read(...query);
    rows.push(answer.length);
    return answer;
  };
  const series = await history.catalog.select({ machines: ["m"], signals: [] });
  const window = { ...hours(8_760), machineId: series[0]!.machineId, series };
  const found = await readSilences(counted, [window], {
    revision: 1,
    watermark: 1,
    abort: unaborted,
  });
  expect(inMinutes(found[0]!)).toEqual([[11, 30]]);
  expect(rows.reduce((sum, count) => sum + count, 0)).toBeLessThan(10);
});

test("an error, a state and a sample of any signal are signs of life, also of before the window", async () => {
  await sendAt([-5]);
  await history.ingest({
    machine: "m",
    stateChanges: [{ time: at(baseUs + 20 * minuteUs), state: MachineState.IDLE }],
  });
  await history.ingest({
    machine: "m",
    errorReports: [{ time: at(baseUs + 45 * minuteUs), severity: Severity.ERROR, code: "E" }],
  });
  for (const compacted of [false, true]) {
    if (compacted) await history.compactAll();
    const found = (
      await silences(3, [hours(1), { fromUs: tickUs, toUs: baseUs - 6 * minuteUs }])
    ).get("m")!;
    expect(inMinutes(found[0]!)).toEqual([
      [6, 20],
      [31, 45],
      [56, 60],
    ]);
    expect(inMinutes(found[1]!)).toEqual([[(tickUs - baseUs) / minuteUs, -6]]);
  }
});
