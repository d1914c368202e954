// Machines of random data near an odd day, sent to an accessor: samples of any cadence, states and
// errors, with gaps, silent stretches, late, equal, refused and future records.
import fc from "fast-check";
import { expect } from "vitest";
import { RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import { type MachineState, SampleType, Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { TestAccessor } from "../../accessor/testing/accessor.ts";
import { at, type BatchInit, column } from "../../accessor/testing/batches.ts";
import { toDuration } from "../../codec/timestamps.ts";
import { type RawMachine, toleranceOf } from "./local-states.ts";
import { compacted } from "./odd-days.ts";

const { LINEAR, STEP, COUNTER } = SampleType;
const minuteUs = 60e6;
const hourUs = 60 * minuteUs;

/** Distances, in cadences or absolute: some span shifts or days. */
const anyDistance = fc.oneof(
  {
    weight: 40,
    arbitrary: fc
      .constantFrom(0, 1, 1, 1, 1, 1, 1, 2, 3, 0.37, 11)
      .map((times) => ({ times, us: 0 })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(0.2, 1, 7.75, 31, 80)
      .map((hours) => ({ times: 0, us: hours * hourUs + 1 })),
  },
);
const isLate = fc.constantFrom(false, false, false, true);

/** times: a signal's max_gap, or the distance of state changes, in cadences. */
function anyRun<T>(
  value: fc.Arbitrary<T>,
  { minLength, maxLength }: { minLength: number; maxLength: number },
) {
  return fc.record({
    times: fc.constantFrom(1, 2.5, 40),
    // Which of its records is at the odd instant, and how far from it exactly.
    anchor: fc.nat(),
    besideUs: fc.constantFrom(0, 0, -1, 1, 12_345_678),
    steps: fc.array(fc.record({ distance: anyDistance, value, isLate }), {
      minLength,
      maxLength,
      size: "max",
    }),
  });
}

const anyValue = fc.integer({ min: -50, max: 1_000 });

export const anyMachine = fc.record({
  power: anyRun(anyValue, { minLength: 60, maxLength: 110 }),
  sampleType: fc.constantFrom(LINEAR, LINEAR, LINEAR, STEP, STEP, STEP, COUNTER),
  unit: fc.constantFrom("", "W", "W", "kW", "kW", "mW", "mW", "VA"),
  states: anyRun(fc.integer({ min: 0, max: 5 }), { minLength: 0, maxLength: 40 }),
  heat: anyRun(anyValue, { minLength: 0, maxLength: 9 }),
  heatGapUs: fc.constantFrom(1e6, 25 * minuteUs + 1, 3 * hourUs),
  errors: anyRun(fc.constant(0), { minLength: 0, maxLength: 6 }),
});
export type OddMachine = typeof anyMachine extends fc.Arbitrary<infer T> ? T : never;

type Late<T> = T & { timeUs: number; isLate: boolean };
type Run<T> = {
  anchor: number;
  besideUs: number;
  steps: { distance: { times: number; us: number }; value: T; isLate: boolean }[];
};

/** The records of a run, one of which lies near the odd instant. */
function placed<T>(
  { anchor, besideUs, steps }: Run<T>,
  { nearUs, cadenceUs }: { nearUs: number; cadenceUs: number },
) {
  let timeUs = 0;
  const all = steps.map(({ distance, value, isLate }): Late<{ value: T }> => {
    timeUs += Math.round(distance.times * cadenceUs) + distance.us;
    return { timeUs, value, isLate };
  });
  const shiftUs = nearUs + besideUs - (all[anchor % all.length]?.timeUs ?? 0);
  const lastUs = Date.now() * 1000 - hourUs;
  return all
    .map((one) => ({ ...one, timeUs: one.timeUs + shiftUs }))
    .filter((one) => one.timeUs < lastUs);
}

/** The records of one machine that an accessor received. */
export type SentMachine = RawMachine & { name: string; unit: string };

type Records = { power: Sample[]; heat: Sample[]; states: Sample[]; errors: Sample[] };
type Sample = { timeUs: number; value: number };

/** nearUs: the odd instant. */
export type Placed = { machine: OddMachine; name: string; cadenceUs: number; nearUs: number };

/** Sends late records after the rest is compacted, and finally records of now and of the future. */
export async function sendMachines(
  accessor: TestAccessor,
  all: readonly Placed[],
): Promise<SentMachine[]> {
  const made = all.map(({ machine, cadenceUs, nearUs }) => {
    const { power, states, heat, errors, sampleType, unit, heatGapUs } = machine;
    const near = { nearUs, cadenceUs };
    return {
      records: {
        power: placed(power, near),
        heat: placed(heat, near),
        states: placed(states, { nearUs, cadenceUs: cadenceUs * states.times }),
        errors: placed(errors, near),
      },
      sent: { power: [], heat: [], states: [], errors: [] } as Records,
      declared: { sampleType, unit, maxGapUs: Math.min(86_400e6, cadenceUs * power.times) },
      heatGapUs,
    };
  });
  const commit = async (i: number, sequence: number, { power, heat, states, errors }: Records) => {
    const { name } = all[i]!;
    const { sent, declared, heatGapUs } = made[i]!;
    const samplesOf = (signal: string, of: Sample[], gapUs: number, sampleType: SampleType) => ({
      ...column(
        signal,
        of.map(({ timeUs, value }) => [timeUs, value] as const),
      ),
      sampleType,
      maxGap: toDuration(gapUs),
    });
    const batch: BatchInit = {
      machine: name,
      stateChanges: states.map(({ timeUs, value }) => ({
        time: at(timeUs),
        state: value as MachineState,
      })),
      errorReports: errors.map(({ timeUs }) => ({
        time: at(timeUs),
        severity: Severity.INFO,
        code: "E",
      })),
      samples: [
        {
          ...samplesOf("power", power, declared.maxGapUs, declared.sampleType),
          unit: declared.unit,
        },
        samplesOf("heat", heat, heatGapUs, LINEAR),
        samplesOf("pieces", heat, 24 * hourUs, COUNTER),
      ].filter(({ values }) => values.length > 0),
    };
    const { result } = await accessor.ingest.ingestBatch({
      producerId: name.replaceAll(/\W/g, "-"),
      sequence: BigInt(sequence),
      batch,
    });
    const isState = ({ value }: Sample) => value >= 1 && value <= 4;
    const refused = result!.verdicts.map(({ kind, count }) => [kind, count]);
    expect(refused.every(([kind]) => kind === RecordKind.STATE_CHANGE)).toBe(true);
    for (const sample of power) sent.power.push(sample);
    for (const sample of heat) sent.heat.push(sample);
    for (const change of states.filter(isState)) sent.states.push(change);
    for (const report of errors) sent.errors.push(report);
  };
  const some = (late: boolean) => {
    const of = <T extends { isLate: boolean }>(records: readonly T[]) =>
      records.filter((one) => one.isLate === late);
    return made.map(({ records: { power, heat, states, errors } }, i) =>
      commit(i, late ? 2 : 1, {
        power: of(power),
        heat: of(heat),
        states: of(states),
        errors: of(errors),
      }),
    );
  };
  await Promise.all(some(false));
  await compacted(accessor);
  await Promise.all(some(true));
  const nowUs = Date.now() * 1000;
  const values = (offsetsUs: number[], value: number) =>
    offsetsUs.map((offsetUs) => ({ timeUs: nowUs + offsetUs, value }));
  const newest = made.map((_, i) =>
    commit(i, 3, {
      power: values([-20e6, -15e6, 240e6, 250e6], 7),
      heat: values([280e6], 5),
      states: [...values([-18e6], 1), ...values([100e6], 3)],
      errors: values([200e6], 0),
    }),
  );
  await Promise.all(newest);
  return made.map(({ sent, declared, heatGapUs }, i) => {
    for (const one of Object.values(sent)) one.sort((p, q) => p.timeUs - q.timeUs);
    const heat = { sampleType: LINEAR, maxGapUs: heatGapUs };
    return {
      name: all[i]!.name,
      unit: declared.unit,
      changes: sent.states.map(({ timeUs, value }) => ({ timeUs, state: value as MachineState })),
      power: { ...declared, samples: sent.power },
      livesUs: Object.values(sent)
        .flat()
        .map(({ timeUs }) => timeUs),
      toleranceUs: toleranceOf([declared, heat]),
    };
  });
}
