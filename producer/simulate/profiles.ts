// The numeric signals that machines of the simulator can send: what they measure and how they
// behave. Values only.
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import type { Behaviour, Profile } from "./waveform.ts";

const { ACTIVE, IDLE, FAULT, OFF, UNSPECIFIED } = MachineState;
const msUs = 1000;

type States = { active: Behaviour; idle: Behaviour; fault: Behaviour; off: Behaviour };
type Row = Omit<Profile, "signal" | "behaviours"> & States;

const behave = (
  level: readonly [number, number],
  wave: number,
  noise: number,
  rampMs: number,
): Behaviour => ({
  level,
  wave,
  noise,
  rampUs: rampMs * msUs,
});

/**
 * `power` in watts at 100 Hz: idle about 400 W, active 3–8 kW with slow waves, a fault drops it
 * within 60 ms, off 5–20 W. Noise of 6 W while active, 2 W in idle; resolution 0.1 W.
 */
const power: Row = {
  unit: "W",
  periodUs: 10 * msUs,
  maxGapUs: 1000 * msUs,
  steps: 10,
  floor: 0,
  active: behave([4200, 6800], 1100, 6, 600),
  idle: behave([380, 420], 8, 2, 300),
  fault: behave([180, 260], 5, 2, 60),
  off: behave([8, 16], 1, 0.3, 200),
};

/**
 * The others are sampled more slowly, as their sensors are; their max_gap is five periods, at least
 * 1 s.
 */
const others: Readonly<Record<string, Row>> = {
  temperature: {
    unit: "°C",
    periodUs: 1000 * msUs,
    maxGapUs: 5000 * msUs,
    steps: 10,
    floor: -273.1,
    active: behave([48, 56], 4, 0.1, 950),
    idle: behave([42, 46], 2, 0.1, 950),
    fault: behave([42, 46], 2, 0.1, 950),
    off: behave([36, 40], 1, 0.1, 950),
  },
  spindle_speed: {
    unit: "rpm",
    periodUs: 100 * msUs,
    maxGapUs: 1000 * msUs,
    steps: 1,
    floor: 0,
    active: behave([6000, 12000], 900, 4, 800),
    idle: behave([0, 0], 0, 0, 500),
    fault: behave([0, 0], 0, 0, 250),
    off: behave([0, 0], 0, 0, 500),
  },
  vibration: {
    unit: "mm/s",
    periodUs: 10 * msUs,
    maxGapUs: 1000 * msUs,
    steps: 1000,
    floor: 0,
    active: behave([1.8, 3.6], 0.6, 0.25, 500),
    idle: behave([0.2, 0.4], 0.05, 0.03, 300),
    fault: behave([0.05, 0.1], 0.01, 0.01, 100),
    off: behave([0, 0.02], 0, 0.004, 100),
  },
  pressure: {
    unit: "bar",
    periodUs: 100 * msUs,
    maxGapUs: 1000 * msUs,
    steps: 100,
    floor: 0,
    active: behave([118, 132], 6, 0.4, 400),
    idle: behave([60, 70], 1, 0.2, 400),
    fault: behave([4, 8], 0.5, 0.1, 300),
    off: behave([0, 1], 0, 0.05, 500),
  },
  flow: {
    unit: "l/min",
    periodUs: 100 * msUs,
    maxGapUs: 1000 * msUs,
    steps: 100,
    floor: 0,
    active: behave([22, 34], 3, 0.2, 300),
    idle: behave([2, 4], 0.3, 0.05, 300),
    fault: behave([0, 0], 0, 0, 200),
    off: behave([0, 0], 0, 0, 200),
  },
};

/** Any other name: a dimensionless quantity about 50 at 10 Hz. */
const generic: Row = {
  unit: "1",
  periodUs: 100 * msUs,
  maxGapUs: 1000 * msUs,
  steps: 100,
  floor: Number.NEGATIVE_INFINITY,
  active: behave([60, 90], 8, 0.5, 500),
  idle: behave([45, 55], 4, 0.5, 500),
  fault: behave([20, 30], 2, 0.5, 500),
  off: behave([0, 10], 1, 0.5, 500),
};

/**
 * What a numeric signal of this name is like. `rateHz` (default 100) is the rate of `power`, a
 * divisor of 1,000,000.
 */
export function profileOf(signal: string, { rateHz = 100 }: { rateHz?: number } = {}): Profile {
  const row =
    signal === "power" ? { ...power, periodUs: 1e6 / rateHz } : (others[signal] ?? generic);
  const { active, idle, fault, off, ...rest } = row;
  const behaviours = {
    [UNSPECIFIED]: idle,
    [ACTIVE]: active,
    [IDLE]: idle,
    [FAULT]: fault,
    [OFF]: off,
  };
  return { signal, ...rest, behaviours };
}

/** The signals that have a profile of their own, for `--help`. */
export const namedSignals = ["power", ...Object.keys(others)];
