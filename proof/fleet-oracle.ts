// Judges the stored records of a simulated fleet: every sample, state and error that the simulator
// makes in a span of time, each once, with its value.

import { toColumn } from "../codec/wire/samples.ts";
import { toBatch } from "../producer/simulate/batch.ts";
import { createFleet } from "../producer/simulate/fleet.ts";
import { errorText, stateText } from "./chaos/content.ts";
import type { Stored, StoredCommit } from "./chaos/stored.ts";

export type FleetOptions = {
  machines: number;
  seed: number;
  /**
   * Start and end of the simulation, if known: in that case nothing may be missing at the edges.
   */
  fromUs?: number;
  toUs?: number;
  /**
   * Whether the records between two samples were never made because the producer was dead. Default:
   * never.
   */
  mayMiss?: (beforeUs: number, afterUs: number) => boolean;
};

export type FleetTally = {
  samples: number;
  events: number;
  lost: number;
  doubled: number;
  /** Holes in a machine's 10 ms grid that are violations. */
  gaps: number;
  /** Permitted holes, and their total length. */
  holes: number;
  holesUs: number;
  findings: string[];
};

const periodUs = 10_000;

export function judgeFleet(stored: Stored, options: FleetOptions): FleetTally {
  const tally = {
    samples: 0,
    events: 0,
    lost: 0,
    doubled: 0,
    gaps: 0,
    holes: 0,
    holesUs: 0,
    findings: [],
  };
  const byMachine = Map.groupBy(stored.commits.values(), ({ content }) => content.machine);
  const fleet = createFleet(options);
  for (const { name, recordsIn } of fleet) {
    const commits = byMachine.get(name) ?? [];
    byMachine.delete(name);
    judgeMachine(commits, { ...options, name, recordsIn, tally });
  }
  for (const [name, commits] of byMachine)
    say(tally, "doubled", commits.length, `${name} is no machine of the fleet`);
  return tally;
}

type MachineOptions = FleetOptions & ReturnType<typeof createFleet>[number] & { tally: FleetTally };

function judgeMachine(commits: readonly StoredCommit[], options: MachineOptions): void {
  const { name, recordsIn, tally, mayMiss = () => false } = options;
  const columns = commits.flatMap(({ columns }) => columns.get("power") ?? []);
  const count = columns.reduce((sum, { values }) => sum + values.length, 0);
  if (count === 0) {
    say(tally, "lost", 1, `${name} has no samples`);
    return;
  }
  tally.samples += count;
  const fromUs = options.fromUs ?? Math.min(...columns.map(({ timesUs }) => timesUs[0]!));
  const toUs = options.toUs ?? Math.max(...columns.map(({ timesUs }) => timesUs.at(-1)!)) + 1;
  const made = toBatch(recordsIn(fromUs, toUs))!;
  const { timesUs, values } = toColumn(made.samples[0]!);

  const seen = new Uint8Array(values.length);
  for (const column of columns) {
    for (let i = 0; i < column.values.length; i++) {
      const k = (column.timesUs[i]! - timesUs[0]!) / periodUs;
      if (values[k] === undefined || values[k] !== column.values[i]!)
        say(
          tally,
          "doubled",
          1,
          `${name} has a sample at ${column.timesUs[i]} that was never made`,
        );
      else if (seen[k]!++ > 0)
        say(tally, "doubled", 1, `${name} has ${seen[k]} samples at ${column.timesUs[i]}`);
    }
  }
  const excused: (readonly [number, number])[] = [];
  for (let k = 0; k < seen.length; k++) {
    if (seen[k]! > 0) continue;
    const first = k;
    while (k < seen.length && seen[k] === 0) k++;
    const [beforeUs, afterUs] = [timesUs[first]! - periodUs, timesUs[0]! + k * periodUs];
    if (mayMiss(beforeUs, afterUs)) {
      tally.holes++;
      tally.holesUs += afterUs - beforeUs;
      excused.push([beforeUs, afterUs]);
      continue;
    }
    tally.gaps++;
    say(tally, "lost", k - first, `${name} lacks ${k - first} samples after ${beforeUs}`);
  }
  judgeEvents(commits, { name, tally, made, excused });
}

type Made = NonNullable<ReturnType<typeof toBatch>>;
type Excused = readonly (readonly [beforeUs: number, afterUs: number])[];

function judgeEvents(
  commits: readonly StoredCommit[],
  { name, tally, made, excused }: { name: string; tally: FleetTally; made: Made; excused: Excused },
): void {
  const expected = new Map<string, boolean>();
  for (const { time, text } of [
    ...made.stateChanges.map((one) => ({ time: one.time!, text: `state ${stateText(one)}` })),
    ...made.errorReports.map((one) => ({ time: one.time!, text: `error ${errorText(one)}` })),
  ]) {
    const timeUs = Number(time.seconds) * 1e6 + time.nanos / 1000;
    expected.set(
      text,
      excused.some(([beforeUs, afterUs]) => timeUs >= beforeUs && timeUs <= afterUs),
    );
  }
  const seen = new Set<string>();
  for (const { states, errors } of commits)
    for (const text of [
      ...states.map((one) => `state ${one}`),
      ...errors.map((one) => `error ${one}`),
    ]) {
      tally.events++;
      if (seen.has(text)) say(tally, "doubled", 1, `${name} has twice: ${text}`);
      seen.add(text);
    }
  for (const [text, mayBeMissing] of expected)
    if (!seen.has(text) && !mayBeMissing) say(tally, "lost", 1, `${name} lacks: ${text}`);
}

function say(tally: FleetTally, kind: "lost" | "doubled", count: number, text: string): void {
  tally[kind] += count;
  if (tally.findings.length < 30) tally.findings.push(text);
}
