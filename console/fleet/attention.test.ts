// Which tile comes first, and what the totals are.
import { expect, test } from "vitest";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { MachineNow } from "../live/messages.ts";
import { SecondRing } from "../live/second-ring.ts";
import { inOrder, stateFilterOf, totalsOf } from "./attention.ts";

const nowUs = 1e15;
const machine = (name: string, changes: Partial<MachineNow> = {}): MachineNow => ({
  name,
  state: MachineState.ACTIVE,
  stateSinceUs: nowUs - 60e6,
  reason: "",
  powerW: 1_000,
  powerAtUs: nowUs,
  power: new SecondRing(60).read(nowUs),
  lastRecordUs: nowUs,
  silentAfterUs: 5e6,
  errorsLastHour: 2,
  lastError: undefined,
  ...changes,
});
const error = { timeUs: nowUs - 30e6, severity: Severity.ERROR, code: "E", message: "" };

const fleet = [
  machine("mill-10"),
  machine("mill-9"),
  machine("failed", { lastError: error }),
  machine("silent", { lastRecordUs: nowUs - 6e6 }),
  machine("off", { state: MachineState.OFF, lastRecordUs: nowUs - 6e6, powerW: 5 }),
  machine("fault", { state: MachineState.FAULT }),
];

test("a fault, silence, a recent failure, and then by name as people count", () => {
  expect(inOrder(fleet, nowUs)).toEqual(["fault", "silent", "failed", "mill-9", "mill-10", "off"]);
});

test("totals leave out the power of machines that are silent", () => {
  expect(totalsOf(fleet, nowUs)).toEqual({
    byState: { active: 3, idle: 0, fault: 1, off: 0, silent: 2, unknown: 0 },
    powerW: 4_000,
    errorsLastHour: 12,
  });
  expect(stateFilterOf(fleet[5]!, nowUs)).toBe("fault");
});
