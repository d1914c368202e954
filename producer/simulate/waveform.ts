// Samples of one numeric signal of one machine, as a pure function of seed, machine and time:
// levels that follow the machine's state, ramps between them, slow waves, noise, and the resolution
// of a real meter.
import type { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import type { Machine, StateStart } from "./machine.ts";
import { createRandom, fillGaussian, seedOf } from "./random.ts";

/** How a signal behaves while a state holds. */
export type Behaviour = {
  /** The level lies in this range: each machine has its own. */
  readonly level: readonly [min: number, max: number];
  /** How far slow waves (6–40 s) deviate from the level. */
  readonly wave: number;
  /** Standard deviation of the noise. */
  readonly noise: number;
  /**
   * How long the ramp into this state takes. Under 1 s, the shortest state, so that every ramp
   * ends.
   */
  readonly rampUs: number;
};

/**
 * A numeric signal: what it declares, how often it is sampled, and how it follows the machine's
 * state.
 */
export type Profile = {
  readonly signal: string;
  readonly unit: string;
  readonly maxGapUs: number;
  readonly periodUs: number;
  /** Steps per unit: 10 for a resolution of 0.1. Values are Math.round(x * steps) / steps. */
  readonly steps: number;
  /** No value is lower. */
  readonly floor: number;
  readonly behaviours: Readonly<Record<MachineState, Behaviour>>;
};

/** Evenly spaced samples: values[i] at startUs + i * profile.periodUs. */
export type Run = { readonly startUs: number; readonly values: number[] };

export interface Waveform {
  readonly profile: Profile;
  /**
   * The samples in [fromUs, toUs), or undefined if there are none. Sample k, counted from the
   * epoch, is at phase + k * period.
   */
  samples(fromUs: number, toUs: number): Run | undefined;
}

/**
 * Slow waves are evaluated at this interval and interpolated linearly between: a sine for each
 * sample would cost too much.
 */
const knotUs = 100_000;

/** The waveform of a machine's signal. */
export function createWaveform(
  profile: Profile,
  { seed, machine }: { seed: number; machine: Machine },
): Waveform {
  const { periodUs, steps, floor } = profile;
  const signalSeed = seedOf(seed, machine.name, profile.signal);
  // Gives each signal its own phase, so that machines do not sample at the same microsecond.
  const phaseUs = signalSeed % periodUs;
  const waveAt = createWave(signalSeed);
  const levelOf = createLevels(profile, signalSeed);
  let noise = new Float64Array(0);

  function samples(fromUs: number, toUs: number): Run | undefined {
    const first = Math.ceil((fromUs - phaseUs) / periodUs);
    const count = Math.ceil((toUs - phaseUs) / periodUs) - first;
    if (count <= 0) return undefined;
    if (noise.length < count) noise = new Float64Array(count);
    fillGaussian(noise.subarray(0, count), { seed: signalSeed, first });
    const startUs = phaseUs + first * periodUs;
    const values = new Array<number>(count);
    const states = machine.statesAround(startUs, startUs + count * periodUs);

    let i = 0;
    for (let at = 1; at < states.length; at++) {
      const { before, now, beginUs, endUs } = stretch(states, at);
      const rampEndUs = beginUs + now.rampUs;
      let knot = Number.NaN;
      let knotStartUs = 0;
      let wave = 0;
      let slope = 0;
      for (
        let timeUs = startUs + i * periodUs;
        i < count && timeUs < endUs;
        i++, timeUs += periodUs
      ) {
        const sampleKnot = Math.floor(timeUs / knotUs);
        if (sampleKnot !== knot) {
          knot = sampleKnot;
          knotStartUs = knot * knotUs;
          wave = waveAt(knotStartUs);
          slope = (waveAt(knotStartUs + knotUs) - wave) / knotUs;
        }
        const height = wave + slope * (timeUs - knotStartUs);
        let x = now.level + now.wave * height;
        if (timeUs < rampEndUs) {
          const part = (timeUs - beginUs) / now.rampUs;
          const from = before.level + before.wave * height;
          x = from + (x - from) * part * part * (3 - 2 * part);
        }
        x += now.noise * noise[i]!;
        values[i] = Math.round(Math.max(x, floor) * steps) / steps;
      }
    }
    return { startUs, values };
  }

  /** A state's stretch of time and its behaviour on this machine, with that of the state before. */
  function stretch(states: readonly StateStart[], at: number) {
    const behave = ({ state }: StateStart) => ({
      ...profile.behaviours[state]!,
      level: levelOf(state),
    });
    const endUs = states[at + 1]?.timeUs ?? Number.POSITIVE_INFINITY;
    return {
      before: behave(states[at - 1]!),
      now: behave(states[at]!),
      beginUs: states[at]!.timeUs,
      endUs,
    };
  }

  return { profile, samples };
}

/** Two sines of unlike periods, together within [-1, 1]. */
function createWave(seed: number): (timeUs: number) => number {
  const random = createRandom(seedOf(seed, "wave"));
  const longUs = random.whole(20_000_000, 40_000_000);
  const shortUs = random.whole(6_000_000, 12_000_000);
  const longShift = random.next();
  const shortShift = random.next();
  const turn = 2 * Math.PI;
  return (timeUs) =>
    0.65 * Math.sin(turn * ((timeUs / longUs + longShift) % 1)) +
    0.35 * Math.sin(turn * ((timeUs / shortUs + shortShift) % 1));
}

/** This machine's own level in each state. */
function createLevels({ behaviours }: Profile, seed: number): (state: MachineState) => number {
  const levels = new Map<number, number>();
  for (const [state, { level }] of Object.entries(behaviours)) {
    const [min, max] = level;
    levels.set(
      Number(state),
      min + (max - min) * createRandom(seedOf(seed, "level", state)).next(),
    );
  }
  return (state) => levels.get(state)!;
}
