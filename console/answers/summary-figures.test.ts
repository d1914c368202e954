// Figures of a summary: what the page shows is what the contract says.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { EnergyAbsence, MachineSummarySchema } from "#gen/millrace/v1/summary_pb.ts";
import { toDuration, toTimestamp } from "../../codec/timestamps.ts";
import { figuresOf } from "./summary-figures.ts";

const { ACTIVE, IDLE, FAULT, OFF, UNSPECIFIED } = MachineState;

test("times of states add up to the window, and the four states are always listed", () => {
  const figures = figuresOf(
    create(MachineSummarySchema, {
      startTime: toTimestamp(1e15),
      endTime: toTimestamp(1e15 + 100e6),
      states: [
        { state: UNSPECIFIED, time: toDuration(10e6) },
        { state: ACTIVE, time: toDuration(60e6), energyKwh: 1, energyCoverage: 0.5 },
        { state: FAULT, time: toDuration(30e6), silentTime: toDuration(5e6) },
      ],
      availability: 2 / 3,
      energy: { energyKwh: 1, coverage: 0.3, peakPowerW: 7, peakTime: toTimestamp(1e15) },
      errors: {
        count: 3n,
        bySeverity: [
          { severity: Severity.INFO, count: 1n },
          { severity: Severity.CRITICAL, count: 2n },
        ],
        meanActiveTimeBetween: toDuration(20e6),
      },
    }),
  );
  expect(figures.states.map(({ state, timeUs }) => [state, timeUs / 1e6])).toEqual([
    [ACTIVE, 60],
    [IDLE, 0],
    [FAULT, 30],
    [OFF, 0],
    [UNSPECIFIED, 10],
  ]);
  expect(figures.states.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  expect(figures).toMatchObject({
    silentUs: 5e6,
    energy: { kwh: 1, coverage: 0.3, peakW: 7, peakUs: 1e15, meanW: undefined },
    errors: { count: 3, meanBetweenUs: 20e6, perActiveHour: undefined },
  });
  expect(figures.errors.bySeverity[0]).toEqual([Severity.CRITICAL, 2]);
});

test("why there is no energy is kept", () => {
  const summary = create(MachineSummarySchema, { energyAbsence: EnergyAbsence.UNIT });
  expect(figuresOf({ ...summary, startTime: toTimestamp(0), endTime: toTimestamp(0) }).energy).toBe(
    EnergyAbsence.UNIT,
  );
});
