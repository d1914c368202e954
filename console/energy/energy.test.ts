// Sums of energy over machines and days, and the price that the reader types.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { type EnergyDay, readEnergyDays, statesOf, sumOf, totalOf } from "./energy-days.ts";
import { readPrice } from "./price.tsx";

const day = (kwh: number | undefined, idle: number, coverage: number, at = 0): EnergyDay => ({
  fromUs: at * 86_400e6,
  toUs: (at + 1) * 86_400e6,
  kwh,
  byState: new Map([
    [MachineState.IDLE, kwh === undefined ? undefined : idle],
    [MachineState.ACTIVE, kwh === undefined ? undefined : kwh - idle],
  ]),
  coverage,
});

test("the total of a day adds machines up; what is unknown for all stays unknown", () => {
  const total = totalOf([
    { name: "a", days: [day(10, 2, 1), day(undefined, 0, 0, 1)] },
    { name: "b", days: [day(5, 1, 0.5), day(undefined, 0, 0, 1)] },
  ]);
  expect(total.map(({ kwh, coverage }) => [kwh, coverage])).toEqual([
    [15, 0.75],
    [undefined, 0],
  ]);
  expect(sumOf(total)).toMatchObject({ kwh: 15, fromUs: 0, toUs: 2 * 86_400e6, coverage: 0.375 });
  expect(sumOf(total)?.byState.get(MachineState.IDLE)).toBe(3);
  expect(totalOf([])).toEqual([]);
  expect(sumOf([])).toBeUndefined();
});

test("days are the same when they begin together, whatever else a machine has", () => {
  const total = totalOf([
    { name: "a", days: [day(1, 0, 1, 0), day(2, 0, 1, 1)] },
    { name: "b", days: [day(4, 0, 1, 1)] },
  ]);
  expect(total.map(({ kwh }) => kwh)).toEqual([1, 6]);
});

const states = [0, 1, 2, 3, 4] as MachineState[];

test("the parts that a table names add up to the energy of the day", () => {
  const part = fc.option(fc.integer({ min: 0, max: 1_000 }), { nil: undefined });
  const anyDay = fc
    .tuple(fc.dictionary(fc.constantFrom(...states.map(String)), part), fc.nat({ max: 3 }))
    .map(([parts, at]): EnergyDay => {
      const byState = new Map(
        Object.entries(parts).map(([state, kwh]) => [Number(state) as MachineState, kwh]),
      );
      const known = [...byState.values()].filter((kwh) => kwh !== undefined);
      const kwh = known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0);
      return { ...day(kwh, 0, 1, at), byState };
    });
  const add = (parts: readonly (number | undefined)[]) =>
    parts.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  fc.assert(
    fc.property(fc.array(fc.array(anyDay, { maxLength: 4 }), { maxLength: 4 }), (machines) => {
      const total = totalOf(machines.map((days, at) => ({ name: `m${at}`, days })));
      for (const one of [...total, sumOf(total)])
        if (one !== undefined)
          expect(add(statesOf([one]).map((state) => one.byState.get(state)))).toBe(one.kwh ?? 0);
      expect(add(total.map(({ kwh }) => kwh))).toBe(add(machines.flat().map(({ kwh }) => kwh)));
    }),
  );
});

test("a state without a sample is unknown, and a machine without energy is named", async () => {
  const bucket = (states: object[], energyKwh?: number) => ({
    startTime: { seconds: 0n, nanos: 0 },
    endTime: { seconds: 86_400n, nanos: 0 },
    states,
    energyKwh,
    coverage: 0.5,
  });
  const machines = [
    {
      machine: "mill-1",
      buckets: [
        bucket(
          [
            { state: MachineState.ACTIVE, energyKwh: 2, energyCoverage: 1 },
            { state: MachineState.OFF, energyKwh: 0, energyCoverage: 0 },
          ],
          2,
        ),
      ],
    },
    { machine: "press-2", buckets: [bucket([])] },
  ];
  const client = { aggregateStates: async () => ({ machines, nextPageToken: "" }) };
  const abort = new AbortController().signal;
  const found = await readEnergyDays(client as never, {
    machines: [],
    fromUs: 0,
    timeZone: "UTC",
    abort,
  });
  expect(found.without).toEqual(["press-2"]);
  const { byState } = found.machines[0]!.days[0]!;
  expect([...byState]).toEqual([
    [MachineState.ACTIVE, 2],
    [MachineState.OFF, undefined],
  ]);
});

test("a price may have a comma, and what is no price is none", () => {
  expect(readPrice("0,32", "CHF")).toEqual({ perKwh: 0.32, currency: "CHF" });
  expect(readPrice("0.3")).toEqual({ perKwh: 0.3, currency: "EUR" });
  for (const text of ["", "  "]) expect(readPrice(text)).toBeUndefined();
  for (const text of ["free", "-1", "1e999", "0,3,2"]) expect(readPrice(text)).toBe("wrong");
});
