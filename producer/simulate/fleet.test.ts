// Samples lie on an exact grid, follow the state as power does, and do not depend on how time is
// cut.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { countRecords } from "../../codec/wire/count-records.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import { toBatch } from "./batch.ts";
import { createFleet } from "./fleet.ts";
import { createMachine } from "./machine.ts";
import { namedSignals, profileOf } from "./profiles.ts";
import { createWaveform } from "./waveform.ts";

const { ACTIVE, IDLE, FAULT, OFF } = MachineState;
const startUs = Date.UTC(2026, 2, 1) * 1000;
const minuteUs = 60e6;

test("machines have stable names, and a larger fleet begins with the smaller one", () => {
  const names = (machines: number) => createFleet({ machines, seed: 1 }).map(({ name }) => name);
  expect(names(7)).toEqual([
    "mill-1",
    "press-2",
    "lathe-3",
    "robot-4",
    "saw-5",
    "mill-6",
    "press-7",
  ]);
  const records = (machines: number) =>
    createFleet({ machines, seed: 1 })[1]!.recordsIn(startUs, startUs + minuteUs);
  expect(records(2)).toEqual(records(9));
  const later = createFleet({ machines: 2, firstMachine: 6, seed: 1 });
  expect(later.map(({ name }) => name)).toEqual(["mill-6", "press-7"]);
  expect(later[0]!.recordsIn(startUs, startUs + minuteUs)).toEqual(
    createFleet({ machines: 6, seed: 1 })[5]!.recordsIn(startUs, startUs + minuteUs),
  );
});

test("each full second has exactly 100 samples of power on one grid, over an hour", () => {
  for (const machine of createFleet({ machines: 5, seed: 3 })) {
    const times: number[] = [];
    // Spans as a busy event loop would cut them.
    for (let fromUs = startUs; fromUs < startUs + 3600e6; ) {
      const toUs = Math.min(startUs + 3600e6, fromUs + 250_000 + (times.length % 7) * 33_333);
      const batch = toBatch(machine.recordsIn(fromUs, toUs))!;
      times.push(...timesOf(batch.samples[0]!));
      fromUs = toUs;
    }
    expect(times.length).toBe(360_000);
    const phase = times[0]! % 10_000;
    expect(
      times.every((time, k) => time === times[0]! + k * 10_000 && time % 10_000 === phase),
    ).toBe(true);
    const perSecond = Map.groupBy(times, (time) => Math.floor(time / 1e6));
    expect(perSecond.size).toBe(3600);
    expect([...perSecond.values()].every(({ length }) => length === 100)).toBe(true);
  }
});

test.each([...namedSignals, "anything_else"])("%s is the same however time is cut", (signal) => {
  const spanUs = 20e6;
  // Close to an edge between two cycles, and close to the longest run of noise.
  const machine = () => createMachine({ seed: 11, name: "lathe-3" });
  const wave = () => createWaveform(profileOf(signal), { seed: 11, machine: machine() });
  const whole = wave().samples(startUs, startUs + spanUs)!;
  const { periodUs } = profileOf(signal);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: spanUs - 1 }), { maxLength: 30 }),
      (inner) => {
        const one = wave();
        const edges = [0, ...inner.toSorted((a, b) => a - b), spanUs].map(
          (offset) => startUs + offset,
        );
        const runs = edges.slice(1).flatMap((toUs, i) => one.samples(edges[i]!, toUs) ?? []);
        expect(runs.flatMap(({ values }) => values)).toEqual(whole.values);
        let nextUs = whole.startUs;
        for (const run of runs) {
          expect(run.startUs).toBe(nextUs);
          nextUs += run.values.length * periodUs;
        }
      },
    ),
    { numRuns: 50 },
  );
});

/** Power of a machine with the state at each sample, and how long that state has held. */
function powerByState(seed: number) {
  const machine = createMachine({ seed, name: "mill-1" });
  const { startUs: firstUs, values } = createWaveform(profileOf("power"), {
    seed,
    machine,
  }).samples(startUs, startUs + 60 * minuteUs)!;
  const states = machine.statesAround(startUs, startUs + 60 * minuteUs);
  let at = 0;
  return values.map((value, i) => {
    const timeUs = firstUs + i * 10_000;
    while (states[at + 1] && states[at + 1]!.timeUs <= timeUs) at++;
    return { value, state: states[at]!.state, sinceUs: timeUs - states[at]!.timeUs };
  });
}

test("power follows the state", () => {
  const bounds = new Map<number, readonly [number, number]>([
    [ACTIVE, [3000, 8000]],
    [IDLE, [360, 440]],
    [FAULT, [150, 290]],
    [OFF, [5, 20]],
  ]);
  for (const seed of [1, 2, 3, 4]) {
    for (const { value, state, sinceUs } of powerByState(seed)) {
      if (!Object.is(value, Math.round(value * 10) / 10))
        expect.fail(`${value} is finer than 0.1 W`);
      if (sinceUs < 600_000) continue;
      const [min, max] = bounds.get(state)!;
      if (value < min || value > max) expect.fail(`${value} W in state ${state}`);
    }
  }
});

test("the ramp up takes its time and a fault drops power at once", () => {
  const samples = powerByState(2);
  const at = (state: MachineState, fromUs: number, toUs: number) =>
    samples
      .filter((one) => one.state === state && one.sinceUs >= fromUs && one.sinceUs < toUs)
      .map((one) => one.value);
  expect(Math.max(...at(ACTIVE, 0, 20_000))).toBeLessThan(500);
  expect(Math.max(...at(ACTIVE, 280_000, 320_000))).toBeLessThan(5000);
  expect(Math.min(...at(ACTIVE, 280_000, 320_000))).toBeGreaterThan(1500);
  expect(Math.max(...at(FAULT, 60_000, 1e6))).toBeLessThan(290);
});

test.each([
  [ACTIVE, 6],
  [IDLE, 2],
])("noise in state %s has a standard deviation of %s W", (state, sd) => {
  const samples = powerByState(3);
  // Second differences take out level and wave; their variance is six times that of the noise.
  let sum = 0;
  let n = 0;
  for (let i = 2; i < samples.length; i++) {
    const trio = [samples[i - 2]!, samples[i - 1]!, samples[i]!];
    if (trio.some((one) => one.state !== state || one.sinceUs < 700_000)) continue;
    sum += (trio[0]!.value - 2 * trio[1]!.value + trio[2]!.value) ** 2;
    n++;
  }
  expect(n).toBeGreaterThan(50_000);
  expect(Math.sqrt(sum / n / 6) / sd).toBeGreaterThan(0.97);
  expect(Math.sqrt(sum / n / 6) / sd).toBeLessThan(1.03);
});

test("waves are slow: power in ACTIVE moves by kilowatts within a minute, by tens of watts between two samples", () => {
  const active = powerByState(1).filter(
    ({ state, sinceUs }) => state === ACTIVE && sinceUs >= 600_000,
  );
  const minute = active.slice(0, 3000).map(({ value }) => value);
  expect(Math.max(...minute) - Math.min(...minute)).toBeGreaterThan(1000);
});

test("records become a batch on a grid, with all its records", () => {
  const [machine] = createFleet({ machines: 1, seed: 1, signals: ["temperature", "power", "x9"] });
  const records = machine!.recordsIn(startUs, startUs + minuteUs);
  const batch = toBatch(records)!;
  expect(batch.samples.map(({ signal, unit }) => [signal, unit])).toEqual([
    ["power", "W"],
    ["temperature", "°C"],
    ["x9", "1"],
  ]);
  const [power] = batch.samples;
  expect(power!.times).toMatchObject({ case: "grid", value: { periodUs: 10_000n } });
  expect(power!.maxGap).toMatchObject({ seconds: 1n, nanos: 0 });
  expect(batch.stateChanges.length).toBe(records.states.length);
  const { time } = batch.stateChanges[0]!;
  expect(Number(time!.seconds) * 1e6 + time!.nanos / 1000).toBe(records.states[0]!.timeUs);
  expect(countRecords(batch)).toBe(6000 + 60 + 600 + records.states.length + records.errors.length);
});

test("nothing happening is no batch", () => {
  const [machine] = createFleet({ machines: 1, seed: 1 });
  const { timeUs } = createMachine({ seed: 1, name: "mill-1" }).states(
    startUs,
    startUs + minuteUs,
  )[0]!;
  const { startUs: gridUs } = machine!.recordsIn(timeUs + 1, timeUs + 10_001).runs[0]!;
  expect(toBatch(machine!.recordsIn(gridUs + 1, gridUs + 10_000))).toBeUndefined();
});

test("power at another rate stays on its grid", () => {
  const [machine] = createFleet({ machines: 1, seed: 1, rateHz: 1000 });
  expect(machine!.recordsIn(startUs, startUs + 1e6).runs[0]!.values.length).toBe(1000);
});
