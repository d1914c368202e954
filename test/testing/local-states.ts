// An oracle of machines' states and energy, by unit of a local calendar: cuts time at every instant
// at which anything can change, and looks up the values of each piece in the raw records. It uses
// no edges, intervals, gaps, roll-ups or blocks.
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import {
  between,
  endOfUnit,
  type LocalWindow,
  type OracleSeries,
  type RawSample,
} from "./local-buckets.ts";

export type RawChange = { timeUs: number; state: number };

/** All records of a machine, in order of time and arrival. */
export type RawMachine = {
  changes: readonly RawChange[];
  power: OracleSeries & { samples: readonly RawSample[] };
  /** The times of all records of any signal. */
  livesUs: readonly number[];
  toleranceUs: number;
};

/** For one unit: microseconds and value·seconds, by state. */
export type HeldStates = {
  timeUs: number[];
  silentUs: number[];
  area: number[];
  coveredUs: number[];
  transitions: number;
};

const minuteUs = 60e6;
const minuteOf = (timeUs: number) => Math.floor(timeUs / minuteUs) * minuteUs;
const zeros = () => [0, 0, 0, 0, 0];

export const nothingHeld = (): HeldStates => ({
  timeUs: zeros(),
  silentUs: zeros(),
  area: zeros(),
  coveredUs: zeros(),
  transitions: 0,
});

/** Ten minutes, or the longest max_gap of a LINEAR signal; whole minutes. */
export function toleranceOf(series: readonly OracleSeries[]): number {
  let minutes = 10;
  for (const { sampleType, maxGapUs } of series)
    while (sampleType === SampleType.LINEAR && minutes * minuteUs < maxGapUs) minutes++;
  return minutes * minuteUs;
}

/** A machine's states and energy within a window, by name of the unit. */
export function stateHoldings(
  machine: RawMachine,
  { fromUs, toUs, nameAt }: LocalWindow,
): Map<string, HeldStates> {
  const held = new Map<string, HeldStates>();
  const at = (timeUs: number) => {
    const name = nameAt(timeUs);
    const one = held.get(name) ?? nothingHeld();
    held.set(name, one);
    return one;
  };
  const { changes, power, livesUs, toleranceUs } = machine;
  const alive = [...new Set(livesUs.map(minuteOf))].sort((a, b) => a - b);
  const stateAt = (timeUs: number) => changes.findLast((one) => one.timeUs <= timeUs)?.state ?? 0;
  const isSilent = (timeUs: number) => {
    const last = alive.findLast((minute) => minute <= timeUs);
    return last === undefined || timeUs >= last + minuteUs + toleranceUs;
  };
  const mayChange = [
    ...changes.map(({ timeUs }) => timeUs),
    ...power.samples.flatMap(({ timeUs }) => [timeUs, timeUs + power.maxGapUs]),
    ...alive.flatMap((minute) => [minute, minute + minuteUs + toleranceUs]),
  ].filter((timeUs) => timeUs > fromUs && timeUs < toUs);
  const cuts = [...new Set([fromUs, ...mayChange, toUs])].sort((a, b) => a - b);
  for (const [i, startUs] of cuts.slice(0, -1).entries()) {
    const endsUs = cuts[i + 1]!;
    const [before, state] = [stateAt(startUs - 1), stateAt(startUs)];
    if (before !== state && before !== 0 && state !== 0) at(startUs).transitions++;
    const silent = isSilent(startUs);
    const line = lineAt(power, startUs);
    for (let from = startUs; from < endsUs; ) {
      const to = endOfUnit(from, endsUs, nameAt);
      const unit = at(from);
      unit.timeUs[state]! += to - from;
      if (silent) unit.silentUs[state]! += to - from;
      if (line !== undefined) {
        unit.coveredUs[state]! += to - from;
        unit.area[state]! += between(line.p, line.q, { from, to, sampleType: power.sampleType });
      }
      from = to;
    }
  }
  return held;
}

/** The samples before and after an instant, if the value between them is defined. */
function lineAt({ samples, sampleType, maxGapUs }: RawMachine["power"], timeUs: number) {
  const next = samples.findIndex((sample) => sample.timeUs > timeUs);
  const p = samples.at(next === -1 ? -1 : next - 1);
  const q = next === -1 ? undefined : samples[next];
  if (p === undefined || next === 0) return undefined;
  if (sampleType === SampleType.STEP) return timeUs < p.timeUs + maxGapUs ? { p, q } : undefined;
  return q !== undefined && q.timeUs - p.timeUs <= maxGapUs ? { p, q } : undefined;
}
