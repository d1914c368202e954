// The figures of several machines for one window, added up: what a summary by label shows.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import type { MachineGroupSummarySchema } from "#gen/millrace/v1/summary_pb.ts";
import { toDuration, toTimestamp } from "../../codec/timestamps.ts";
import { type DoubleDouble, plus, zero } from "../history/double-double.ts";
import { availability } from "../history/error-stats.ts";
import type { Window } from "../history/line-area.ts";
import { emptyStateTotals } from "../history/state-totals.ts";
import { type MeasuredMachine, summarizeErrors, toKwh } from "./machine-summary.ts";

export type GroupSum = {
  machines: number;
  /** By state, as in StateTotals. */
  readonly timeUs: number[];
  readonly silentUs: number[];
  /** Of machines whose energy is known. */
  readonly kwh: DoubleDouble[];
  readonly coveredUs: number[];
  transitions: number;
  energyMachines: number;
  energyKwh: DoubleDouble;
  /** Sum of the coverages of the window. */
  coverage: number;
  /** Error reports by severity and code: "2 E1". */
  readonly errors: Map<string, { severity: number; code: string; count: number }>;
};

const zeros = () => [...emptyStateTotals.timeUs];
const zeroSums = () => [...emptyStateTotals.integral];
const of = (value: number): DoubleDouble => ({ high: value, low: 0 });

export const emptyGroup = (): GroupSum => ({
  machines: 0,
  timeUs: zeros(),
  silentUs: zeros(),
  kwh: zeroSums(),
  coveredUs: zeros(),
  transitions: 0,
  energyMachines: 0,
  energyKwh: zero,
  coverage: 0,
  errors: new Map(),
});

/** measured: undefined if the window is empty. */
export function addToGroup(sum: GroupSum, measured: MeasuredMachine | undefined): void {
  sum.machines++;
  if (measured === undefined) return;
  const { totals, power, silent, errors, energy } = measured;
  for (const [state, timeUs] of totals.timeUs.entries()) {
    sum.timeUs[state]! += timeUs;
    sum.silentUs[state]! += silent[state]!;
    if (power.watts === undefined) continue;
    sum.kwh[state] = plus(sum.kwh[state]!, of(toKwh(totals.integral[state]!.high, power.watts)));
    sum.coveredUs[state]! += totals.coveredUs[state]!;
  }
  sum.transitions += totals.transitions;
  for (const { severity, code, count } of errors) {
    const name = `${severity} ${code}`;
    const known = sum.errors.get(name);
    if (known === undefined) sum.errors.set(name, { severity, code, count });
    else known.count += count;
  }
  if (energy === undefined) return;
  sum.energyMachines++;
  sum.energyKwh = plus(sum.energyKwh, of(energy.energyKwh));
  sum.coverage += energy.coverage;
}

/** value: of the label; undefined: of machines without it. */
export function toGroupSummary(
  sum: GroupSum,
  { value, fromUs, toUs }: Window & { value: string | undefined },
): MessageInitShape<typeof MachineGroupSummarySchema> {
  const { machines, timeUs, silentUs, kwh, coveredUs, energyMachines } = sum;
  const ratio = availability(timeUs);
  return {
    ...(value === undefined ? {} : { value }),
    machineCount: machines,
    startTime: toTimestamp(fromUs),
    endTime: toTimestamp(toUs),
    states: timeUs.flatMap((inStateUs, state) =>
      inStateUs === 0
        ? []
        : [
            {
              state: state as MachineState,
              time: toDuration(inStateUs),
              energyKwh: coveredUs[state]! > 0 ? kwh[state]!.high : 0,
              energyCoverage: coveredUs[state]! / inStateUs,
              silentTime: toDuration(silentUs[state]!),
            },
          ],
    ),
    transitions: BigInt(sum.transitions),
    ...(ratio === undefined ? {} : { availability: ratio }),
    ...(energyMachines === 0
      ? {}
      : {
          energy: {
            energyKwh: sum.energyKwh.high,
            coverage: sum.coverage / machines,
            machineCount: energyMachines,
          },
        }),
    errors: summarizeErrors([...sum.errors.values()], timeUs),
  };
}
