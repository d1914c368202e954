// The data sets, the same in every run: R resembles a real meter, J is hard to pack.
import { createMachine } from "../producer/simulate/machine.ts";
import { profileOf } from "../producer/simulate/profiles.ts";
import { createWaveform } from "../producer/simulate/waveform.ts";
import { createRandom } from "./random.ts";

/**
 * R: 100 Hz on an exact grid, 0.1 W steps. J: the same machines, times off by up to 20 µs, values
 * with a full mantissa.
 */
export type DataSet = "R" | "J";

/** Samples of one machine; without times, they are every 10 ms from startUs on. */
export type Piece = {
  readonly startUs: number;
  readonly timesUs?: Float64Array;
  readonly values: readonly number[];
};

export const periodUs = 10_000;
export const maxGapUs = 1_000_000;
/** Start of the stored data: a Monday, so that a week is one partition. */
export const epochUs = Date.UTC(2025, 0, 6) * 1000;

const noiseWatts = 6;
const stepWatts = 0.1;

/**
 * The simulator's noise, in bytes: the entropy of a Gaussian of 6 W in steps of 0.1 W, given
 * everything else. No coder needs less.
 */
export const entropyBytes =
  Math.log2((noiseWatts / stepWatts) * Math.sqrt(2 * Math.PI * Math.E)) / 8;

/**
 * One machine of a data set, by name: any span of time; equal names give equal samples. The noise
 * is 6 W in every state.
 */
export function createSource(
  set: DataSet,
  machine: string,
): (fromUs: number, toUs: number) => Piece {
  const profile = profileOf("power");
  const behaviours = Object.fromEntries(
    Object.entries(profile.behaviours).map(([state, behaviour]) => [
      state,
      { ...behaviour, noise: noiseWatts },
    ]),
  ) as typeof profile.behaviours;
  const waveform = createWaveform(
    { ...profile, behaviours },
    { seed: 1, machine: createMachine({ seed: 1, name: machine }) },
  );
  return (fromUs, toUs) => {
    const { startUs, values } = waveform.samples(fromUs, toUs)!;
    if (set === "R") return { startUs, values };
    const random = createRandom(Math.floor(fromUs / 1e6));
    const timesUs = Float64Array.from(
      values,
      (_, i) => startUs + i * periodUs + Math.round((random() - 0.5) * 40),
    );
    return {
      startUs,
      timesUs,
      values: values.map((value) => value + (random() - 0.5) * stepWatts),
    };
  };
}

/** Names of n machines. */
export function machineNames(count: number, prefix = "m"): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
}

/** The sum of all samples, for checks: always the same in this order of addition. */
export function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
