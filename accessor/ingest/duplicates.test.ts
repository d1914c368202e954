// Signals that drop duplicates, through real accessors: sources that repeat what they sent in other
// batches, at once and from several places; what they are told; how it is declared and corrected.
import { expect, test } from "vitest";
import { WarningReason } from "#gen/millrace/v1/ingest_service_pb.ts";
import { Duplicates, MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { at, type BatchInit, column, epochUs } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";

const { DROP, KEEP } = Duplicates;
let sources = 0;

/** As a source that never repeats a number: each batch is a producer of its own. */
const send = async (accessor: TestAccessor, batch: BatchInit) =>
  (
    await accessor.ingest.ingestBatch({
      producerId: `rest:source-${sources++}`,
      sequence: 1n,
      batch,
    })
  ).result!;

const samples = (from: number, to: number, duplicates: Duplicates = DROP) => ({
  ...column(
    "heat",
    Array.from({ length: to - from }, (_, i) => [epochUs + (from + i) * 10_000, from + i] as const),
  ),
  duplicates,
});

const storedSamples = async ({ query }: TestAccessor) =>
  Number(
    (
      await query(
        "select sum(sample_count) as n from log join series on series.id = series_id where kind = 3",
      )
    )[0]!["n"],
  );

test("what comes again in other cuts is stored once, whoever sends it, and all at once", async () => {
  await using first = await openTestAccessor();
  await using second = await openTestAccessor({ databaseUrl: first.databaseUrl });
  const cuts: [number, number][] = [];
  for (let from = 0; from < 2_000; from += 50) cuts.push([from, from + 130], [from, from + 50]);
  const accessors = [first, second];
  const results = await Promise.all(
    cuts.map(([from, to], i) =>
      send(accessors[i % 2]!, {
        machine: "m1",
        eventDuplicates: DROP,
        samples: [samples(from, to)],
        stateChanges: [{ time: at(epochUs + from), state: MachineState.IDLE, reason: "shift" }],
        errorReports: [{ time: at(epochUs + from), severity: Severity.INFO, code: "E1" }],
      }),
    ),
  );
  expect(await storedSamples(first)).toBe(2_080);
  const events = await first.query(
    "select (select count(*)::int from state_change) as states, (select count(*)::int from error_report) as errors",
  );
  expect(events).toEqual([{ states: 40, errors: 40 }]);
  const sent = cuts.reduce((sum, [from, to]) => sum + to - from + 2, 0);
  const dropped = results.reduce((sum, { droppedDuplicates }) => sum + droppedDuplicates, 0);
  expect(sent - dropped).toBe(2_080 + 80);
  expect(results.flatMap(({ verdicts }) => verdicts)).toEqual([]);
});

test("a batch that a group refuses does not take its records from the one behind it", async () => {
  await using accessor = await openTestAccessor();
  await send(accessor, { machine: "m1", samples: [samples(0, 1)] });
  // The first has a gap in its producer's numbers, and is committed in one group with the other.
  const [gap, stored] = await Promise.allSettled([
    accessor.ingest.ingestBatch({
      producerId: "a",
      sequence: 7n,
      batch: { machine: "m1", samples: [samples(0, 10)] },
    }),
    accessor.ingest.ingestBatch({
      producerId: "b",
      sequence: 1n,
      batch: { machine: "m1", samples: [samples(5, 10)] },
    }),
  ]);
  expect([gap.status, stored.status]).toEqual(["rejected", "fulfilled"]);
  expect(await storedSamples(accessor)).toBe(6);
});

test("different values at one time are both stored, and reported", async () => {
  await using accessor = await openTestAccessor();
  const one = (value: number) => ({
    machine: "m1",
    samples: [{ ...column("heat", [[epochUs, value]]), duplicates: DROP }],
  });
  expect((await send(accessor, one(0))).warnings).toEqual([]);
  const [warning] = (await send(accessor, one(-0))).warnings;
  expect(warning).toMatchObject({ reason: WarningReason.DIFFERENT_VALUES, column: 0 });
  expect(warning!.message).toMatch(/^1 sample of "heat" .* both are kept/);
  expect((await send(accessor, one(-0))).droppedDuplicates).toBe(1);
  expect(await storedSamples(accessor)).toBe(2);
});

test("it is declared like a max_gap: the first word counts, another one is rejected, an administrator corrects it", async () => {
  await using accessor = await openTestAccessor();
  const batch = (duplicates: Duplicates) => ({
    machine: "m1",
    samples: [samples(0, 3, duplicates)],
    errorReports: [{ time: at(epochUs), severity: Severity.INFO, code: "E1" }],
    eventDuplicates: duplicates,
  });
  // Nobody has declared anything yet: everything is kept.
  for (const _ of [1, 2]) await send(accessor, batch(Duplicates.UNSPECIFIED));
  expect(await storedSamples(accessor)).toBe(6);
  expect((await send(accessor, batch(DROP))).droppedDuplicates).toBe(4);
  const { verdicts } = await send(accessor, batch(KEEP));
  expect(verdicts.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^signal error of m1 has duplicates DROP, not KEEP: .*redeclare/),
    expect.stringMatching(/^signal heat of m1 has duplicates DROP, not KEEP: .*redeclare/),
  ]);
  // Later columns need not repeat it.
  expect((await send(accessor, batch(Duplicates.UNSPECIFIED))).droppedDuplicates).toBe(4);
  const corrected = await accessor.ingest.redeclareSignal({
    machine: "m1",
    signal: "error",
    duplicates: KEEP,
  });
  expect(corrected).toMatchObject({ before: { duplicates: DROP }, after: { duplicates: KEEP } });
  await accessor.ingest.redeclareSignal({ machine: "m1", signal: "heat", duplicates: KEEP });
  expect((await send(accessor, batch(KEEP))).droppedDuplicates).toBe(0);
  const rows = await accessor.query(
    "select signal, duplicates from millrace_v1.signals order by 1",
  );
  expect(rows.map((row) => Object.values(row))).toEqual([
    ["error", "KEEP"],
    ["heat", "KEEP"],
  ]);
  expect(await storedSamples(accessor)).toBe(9);
});

test("several batches in one call are stored in order; an error leaves those before it stored", async () => {
  await using accessor = await openTestAccessor();
  const batches = (...machines: string[]) =>
    machines.map((machine) => ({ machine, samples: [samples(0, 5)] }));
  const call = (sequence: bigint, all: BatchInit[]) =>
    accessor.ingest.ingestBatches({ producerId: "p", sequence, batches: all });
  const { results, cursor } = await call(1n, batches("a", "b", "bad\n", "a"));
  expect(results.map(({ sequence }) => sequence)).toEqual([1n, 2n, 3n, 4n]);
  expect(results[2]!.refusal).toBeDefined();
  expect(results[3]!.droppedDuplicates).toBe(5);
  const { machines } = await accessor.signals.listMachines({});
  expect(cursor).not.toBe("");
  expect(machines.map(({ name }) => name)).toEqual(["a", "b"]);
  // The same call again.
  const again = await call(1n, batches("a", "b", "bad\n", "a"));
  expect(again.results.map(({ duplicate }) => duplicate)).toEqual([true, true, true, true]);
  expect(await reasonOf(call(4n, batches("c", "d")))).toMatchObject({
    reason: "SEQUENCE_CONFLICT",
  });
  expect(await reasonOf(call(9n, batches("c")))).toMatchObject({ reason: "SEQUENCE_GAP" });
  expect(await reasonOf(call(9n, []))).toMatchObject({ reason: "REQUEST_INVALID" });
});
