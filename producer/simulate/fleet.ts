// A fleet of simulated machines: n names, each with its states, errors and numeric signals. Pure;
// gives the records of any span of time.
import { createMachine, type ErrorAt, type StateStart } from "./machine.ts";
import { profileOf } from "./profiles.ts";
import { createWaveform, type Profile, type Run } from "./waveform.ts";

/** Everything of one machine in a span of time. */
export type MachineRecords = {
  readonly machine: string;
  readonly states: readonly StateStart[];
  readonly errors: readonly ErrorAt[];
  readonly runs: readonly (Run & { readonly profile: Profile })[];
};

export interface FleetMachine {
  readonly name: string;
  /**
   * All records in [fromUs, toUs). The records of adjoining spans together equal those of the
   * whole, however it is cut.
   */
  recordsIn(fromUs: number, toUs: number): MachineRecords;
}

export type FleetOptions = {
  machines: number;
  /** The number of the first one; default 1. */
  firstMachine?: number;
  seed: number;
  /** Numeric signals besides power. */
  signals?: readonly string[];
  /** Samples of power per second; default 100. */
  rateHz?: number;
};

const kinds = ["mill", "press", "lathe", "robot", "saw"] as const;

/**
 * A fleet of this many machines from the first one on. A name is a kind and the machine's number:
 * mill-1, press-2, lathe-3, robot-4, saw-5, mill-6 … So a machine with the same number and seed
 * behaves the same in every fleet.
 */
export function createFleet({
  machines,
  firstMachine = 1,
  seed,
  signals = [],
  rateHz,
}: FleetOptions): readonly FleetMachine[] {
  const names = [...new Set(["power", ...signals])];
  return Array.from({ length: machines }, (_, i) => {
    const index = firstMachine - 1 + i;
    const name = `${kinds[index % kinds.length]}-${index + 1}`;
    const machine = createMachine({ seed, name });
    const waveforms = names.map((signal) =>
      createWaveform(profileOf(signal, { rateHz }), { seed, machine }),
    );
    const recordsIn = (fromUs: number, toUs: number): MachineRecords => {
      const runs = waveforms.flatMap((waveform) => {
        const run = waveform.samples(fromUs, toUs);
        return run ? [{ ...run, profile: waveform.profile }] : [];
      });
      return {
        machine: name,
        states: machine.states(fromUs, toUs),
        errors: machine.errors(fromUs, toUs),
        runs,
      };
    };
    return { name, recordsIn };
  });
}

/** About how many samples and states the fleet sends per second: for sizing batches. */
export function recordsPerSecond({ signals = [], rateHz }: FleetOptions): number {
  const rates = [...new Set(["power", ...signals])].map(
    (signal) => 1e6 / profileOf(signal, { rateHz }).periodUs,
  );
  return rates.reduce((sum, rate) => sum + rate, 0) + 1;
}
