// Sums of energy over machines and days, and the price that the reader types.
import { expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { type EnergyDay, sumOfDays, totalOf } from "./energy-days.ts";
import { readPrice } from "./price.tsx";

const day = (kwh: number | undefined, idle: number, coverage: number): EnergyDay => ({
  fromUs: 0,
  toUs: 86_400e6,
  kwh,
  byState: new Map([
    [MachineState.IDLE, idle],
    [MachineState.ACTIVE, (kwh ?? 0) - idle],
  ]),
  coverage,
});

test("the total of a day adds machines up; what is unknown for all stays unknown", () => {
  const total = totalOf([
    { name: "a", days: [day(10, 2, 1), day(undefined, 0, 0)] },
    { name: "b", days: [day(5, 1, 0.5), day(undefined, 0, 0)] },
  ]);
  expect(total.map(({ kwh, coverage }) => [kwh, coverage])).toEqual([
    [15, 0.75],
    [undefined, 0],
  ]);
  expect(sumOfDays(total)).toEqual({ kwh: 15, idleKwh: 3 });
  expect(totalOf([])).toEqual([]);
});

test("a price may have a comma, and what is no price is none", () => {
  expect(readPrice("0,32", "CHF")).toEqual({ perKwh: 0.32, currency: "CHF" });
  expect(readPrice("0.3")).toEqual({ perKwh: 0.3, currency: "EUR" });
  for (const text of ["", "  ", "free", "-1", "1e999"]) expect(readPrice(text)).toBeUndefined();
});
