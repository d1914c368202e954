// Random batches, and the answers to every question about them, found by examining every record.
// For tests only.
import fc from "fast-check";
import { type MachineState, SampleType, type Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { BatchInit } from "./batches.ts";
import { at, column } from "./batches.ts";

/**
 * A record as it was sent, with the revision of its commit. value: of samples; also the number of a
 * state or of a severity.
 */
export type RawRecord = {
  machine: string;
  signal: string;
  timeUs: number;
  revision: number;
  position: number;
  value: number;
  text: string;
};

const secondUs = 1_000_000;
const minuteUs = 60 * secondUs;

/**
 * Ninety minutes before the end of a week, which is also the end of a partition: Thursday,
 * 2026-01-08.
 */
export const baseUs = Date.UTC(2026, 0, 7, 22, 30) * 1000;

export const signals = {
  power: { unit: "W", maxGapUs: secondUs, sampleType: SampleType.UNSPECIFIED },
  oil: { unit: "°C", maxGapUs: 10 * secondUs, sampleType: SampleType.LINEAR },
  valve: { unit: "%", maxGapUs: 30 * minuteUs, sampleType: SampleType.STEP },
  meter: { unit: "kWh", maxGapUs: 3_600 * secondUs, sampleType: SampleType.COUNTER },
};
export const numericSignals = ["power", "oil", "valve", "meter"] as const;

export type RandomBatch = {
  machine: string;
  samples: {
    signal: keyof typeof signals;
    startUs: number;
    stepUs: number;
    values: number[];
    shuffled: boolean;
  }[];
  events: { kind: "state" | "error"; timeUs: number; value: number; text: string }[];
};

const start = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.integer({ min: 0, max: 180 }).map((minutes) => baseUs + minutes * minuteUs),
  },
  {
    weight: 6,
    arbitrary: fc.integer({ min: 60, max: 64 }).map((minutes) => baseUs + minutes * minuteUs),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: -2, max: 2 }).map((us) => baseUs + 90 * minuteUs + us),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 0, max: 180 * 60_000 }).map((ms) => baseUs + ms * 1000),
  },
  { weight: 1, arbitrary: fc.constantFrom(40, 20).map((days) => baseUs - days * 1440 * minuteUs) },
);
const value = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.double({ min: -1e3, max: 1e3, noNaN: true }),
  fc.constantFrom(0, -0, 5e-324),
);
const size = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      count: fc.integer({ min: 1, max: 60 }),
      stepUs: fc.constantFrom(
        0,
        1,
        10_000,
        500_000,
        secondUs,
        secondUs + 1,
        7 * secondUs,
        61 * secondUs,
        20 * minuteUs,
      ),
    }),
  },
  // More samples than count as small, and more than one block holds.
  {
    weight: 1,
    arbitrary: fc.record({
      count: fc.constantFrom(2_100, 9_000),
      stepUs: fc.constantFrom(0, 1, 2_000, 10_000),
    }),
  },
);
const samples = fc
  .record({
    signal: fc.constantFrom(
      "power" as const,
      "power" as const,
      "oil" as const,
      "valve" as const,
      "meter" as const,
    ),
    startUs: start,
    size,
    values: fc.array(value, { minLength: 1, maxLength: 12 }),
    shuffled: fc.boolean(),
  })
  .map(({ size: { count, stepUs }, values, ...rest }) => ({
    ...rest,
    stepUs,
    values: Array.from({ length: count }, (_, i) => values[i % values.length]!),
  }));
const event = fc.record({
  kind: fc.constantFrom("state" as const, "state" as const, "error" as const),
  timeUs: fc.oneof(
    start,
    fc.integer({ min: 60, max: 70 }).map((seconds) => baseUs + seconds * secondUs),
  ),
  value: fc.integer({ min: 1, max: 4 }),
  text: fc.constantFrom("E1", "E2", "e1"),
});

export const anyBatch: fc.Arbitrary<RandomBatch> = fc
  .record({
    machine: fc.constantFrom("a", "b"),
    samples: fc.array(samples, { maxLength: 2 }),
    events: fc.array(event, { maxLength: 4 }),
  })
  .filter((batch) => batch.samples.length + batch.events.length > 0)
  // One column for each signal: two of one signal would be merged, and so would their positions.
  .map((batch) => ({
    ...batch,
    samples: batch.samples.filter(
      (one, i) => batch.samples.findIndex(({ signal }) => signal === one.signal) === i,
    ),
  }));

/** Every second sample, then the others in reverse. */
function order(count: number, shuffled: boolean): number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  return shuffled
    ? [...all.filter((i) => i % 2 === 1), ...all.filter((i) => i % 2 === 0).reverse()]
    : all;
}

export function toBatch({ machine, samples: columns, events }: RandomBatch): BatchInit {
  const of = (kind: string) => events.filter((one) => one.kind === kind);
  return {
    machine,
    stateChanges: of("state").map(({ timeUs, value: state, text }) => ({
      time: at(timeUs),
      state: state as MachineState,
      reason: text,
    })),
    errorReports: of("error").map(({ timeUs, value: severity, text }) => ({
      time: at(timeUs),
      severity: severity as Severity,
      code: text,
    })),
    samples: columns.map(({ signal, startUs, stepUs, values, shuffled }) => ({
      ...column(
        signal,
        order(values.length, shuffled).map((i) => [startUs + i * stepUs, values[i]!] as const),
      ),
      unit: signals[signal].unit,
      sampleType: signals[signal].sampleType,
      maxGap: { seconds: BigInt(signals[signal].maxGapUs / secondUs), nanos: 0 },
    })),
  };
}

export function toRecords(
  { machine, samples: columns, events }: RandomBatch,
  revision: number,
): RawRecord[] {
  const records: RawRecord[] = [];
  for (const { signal, startUs, stepUs, values, shuffled } of columns)
    for (const [position, i] of order(values.length, shuffled).entries())
      records.push({
        machine,
        signal,
        timeUs: startUs + i * stepUs,
        revision,
        position,
        value: values[i]!,
        text: "",
      });
  for (const kind of ["state", "error"])
    for (const [position, one] of events.filter((item) => item.kind === kind).entries())
      records.push({
        machine,
        signal: kind,
        timeUs: one.timeUs,
        revision,
        position,
        value: one.value,
        text: one.text,
      });
  return records;
}

/** In the order of the contract: by time, then by commit, then by position. */
export function inOrder(records: readonly RawRecord[]): RawRecord[] {
  return records.toSorted(
    (a, b) => a.timeUs - b.timeUs || a.revision - b.revision || a.position - b.position,
  );
}

/**
 * Times at which answers may be wrong: those of records, just before and after them, whole minutes
 * and hours, any other.
 */
export const anyTime = fc.oneof(
  start,
  start.chain((timeUs) => fc.integer({ min: -3, max: 3 }).map((us) => timeUs + us * 10_000)),
  fc.integer({ min: -60, max: 240 * 60 }).map((seconds) => baseUs + seconds * secondUs + 1),
  fc.constantFrom(
    baseUs - 60 * 1440 * minuteUs,
    baseUs + 30 * minuteUs,
    baseUs + 90 * minuteUs,
    baseUs + 400 * minuteUs,
  ),
);

export type Window = { fromUs: number; toUs: number };
export const anyWindow: fc.Arbitrary<Window> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc
      .tuple(anyTime, anyTime)
      .filter(([a, b]) => a !== b)
      .map(([a, b]) => ({ fromUs: Math.min(a, b), toUs: Math.max(a, b) })),
  },
  // Whole hours, and all that is recent.
  {
    weight: 1,
    arbitrary: fc.constant({ fromUs: baseUs - 30 * minuteUs, toUs: baseUs + 450 * minuteUs }),
  },
);
