// What one machine does: its states and error reports as a pure function of seed, name and time.
// Knows no samples and no clock.
//
// A machine's time is cut into cycles of an hour. A cycle is planned as a whole, from nothing but
// its number, so any span of any year can be computed directly and repeatedly. It begins with IDLE,
// and its last interval and last error leave exactly the room that the rules below need across the
// edge.
//
// - The state changes every 1–5 s, uniformly, always to another state.
// - An error report comes every 10–30 s of operation, uniformly. Operation is time in ACTIVE, and
//   only that: a machine that is idle, in fault or off does not come closer to its next report, and
//   reports nothing.
// - A critical report is followed by FAULT at the next state change in most cases; some faults come
//   without one (an emergency stop).

import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { lowerIndex } from "../../codec/lower-bound.ts";
import { criticalKinds, type ErrorKind, errorKinds, stateReasons } from "./machine-texts.ts";
import { createRandom, type Random, seedOf } from "./random.ts";

const { ACTIVE, IDLE, FAULT, OFF } = MachineState;
const secondUs = 1_000_000;
const cycleUs = 3600 * secondUs;

/** A state and when it begins. It lasts until the next one begins. */
export type StateStart = {
  readonly timeUs: number;
  readonly state: MachineState;
  readonly reason: string;
};
/** An error report. */
export type ErrorAt = ErrorKind & { readonly timeUs: number };

export interface Machine {
  readonly name: string;
  /** State changes in [fromUs, toUs), ascending. */
  states(fromUs: number, toUs: number): StateStart[];
  /** Error reports in [fromUs, toUs), ascending. */
  errors(fromUs: number, toUs: number): ErrorAt[];
  /**
   * The states that hold in [fromUs, toUs), ascending, with one more before the first (where its
   * ramp starts).
   */
  statesAround(fromUs: number, toUs: number): StateStart[];
}

type Cycle = { readonly states: readonly StateStart[]; readonly errors: readonly ErrorAt[] };

/**
 * Creates the machine of a seed and a name. It caches the last few cycles that it planned; results
 * do not depend on that.
 */
export function createMachine({ seed, name }: { seed: number; name: string }): Machine {
  const machineSeed = seedOf(seed, name, "machine");
  // Shifts the cycles of each machine, so that a fleet does not begin them together.
  const phaseUs = machineSeed % cycleUs;
  const planned = new Map<number, Cycle>();
  const cycleAt = (index: number): Cycle => {
    const known = planned.get(index);
    if (known) return known;
    const cycle = planCycle(seedOf(machineSeed, index), phaseUs + index * cycleUs);
    planned.set(index, cycle);
    if (planned.size > 4) planned.delete(planned.keys().next().value!);
    return cycle;
  };
  function collect<T extends { timeUs: number }>(
    of: (cycle: Cycle) => readonly T[],
    fromUs: number,
    toUs: number,
  ): T[] {
    const found: T[] = [];
    const last = Math.floor((toUs - phaseUs) / cycleUs);
    for (let index = Math.floor((fromUs - phaseUs) / cycleUs); index <= last; index++) {
      const all = of(cycleAt(index));
      const first = lowerIndex(all.length, (i) => all[i]!.timeUs < fromUs);
      for (let i = first; i < all.length && all[i]!.timeUs < toUs; i++) found.push(all[i]!);
    }
    return found;
  }
  const states = (fromUs: number, toUs: number) => collect((cycle) => cycle.states, fromUs, toUs);
  return {
    name,
    states,
    errors: (fromUs, toUs) => collect((cycle) => cycle.errors, fromUs, toUs),
    statesAround(fromUs, toUs) {
      // Two intervals last 10 s at most, so 10 s before there are at least two beginnings.
      const around = states(fromUs - 10 * secondUs - 1, toUs);
      const holding = around.findLastIndex(({ timeUs }) => timeUs <= fromUs);
      return around.slice(holding - 1);
    },
  };
}

function planCycle(seed: number, startUs: number): Cycle {
  const random = createRandom(seed);
  const lengths = cutInto(cycleUs, { minUs: secondUs, maxUs: 5 * secondUs }, random);
  const kinds = chainStates(lengths.length, random);
  const starts: number[] = [];
  const operating: { index: number; atUs: number }[] = [];
  let timeUs = startUs;
  let operatedUs = 0;
  for (const [index, length] of lengths.entries()) {
    starts.push(timeUs);
    if (kinds[index] === ACTIVE) {
      operating.push({ index, atUs: operatedUs });
      operatedUs += length;
    }
    timeUs += length;
  }

  const reasons = new Map<number, string>();
  let at = 0;
  const errors = errorTimes(operatedUs, random).map((errorUs): ErrorAt => {
    while (at + 1 < operating.length && operating[at + 1]!.atUs <= errorUs) at++;
    const { index, atUs } = operating[at]!;
    const chance = random.next();
    // About 1 in 5 reports is critical; of those, 4 in 5 stop the machine if its next state would
    // have been IDLE.
    const error = random.pick(chance < 0.2 ? criticalKinds : errorKinds);
    if (chance < 0.16 && kinds[index + 1] === IDLE) {
      kinds[index + 1] = FAULT;
      reasons.set(index + 1, `${error.code} ${error.message}`);
    }
    return { ...error, timeUs: starts[index]! + (errorUs - atUs) };
  });
  const states = kinds.map((state, index) => ({
    timeUs: starts[index]!,
    state,
    reason: reasons.get(index) ?? random.pick(reasonsOf(state)),
  }));
  return { states, errors };
}

/**
 * Cuts a span into whole pieces from minUs to maxUs, uniform but for the last two, which share what
 * is left.
 */
function cutInto(
  spanUs: number,
  { minUs, maxUs }: { minUs: number; maxUs: number },
  random: Random,
): number[] {
  const pieces: number[] = [];
  let leftUs = spanUs;
  while (leftUs > 2 * maxUs) {
    const piece = random.whole(minUs, maxUs);
    pieces.push(piece);
    leftUs -= piece;
  }
  // The rest is above maxUs, because it was above 2 * maxUs one piece ago.
  const piece = random.whole(Math.max(minUs, leftUs - maxUs), Math.min(maxUs, leftUs - minUs));
  pieces.push(piece, leftUs - piece);
  return pieces;
}

/** States for a cycle's intervals. The last is never IDLE, which the next cycle begins with. */
function chainStates(length: number, random: Random): MachineState[] {
  const chain: MachineState[] = [IDLE];
  while (chain.length < length) {
    const chance = random.next();
    const last = chain.at(-1)!;
    let next: MachineState = last === ACTIVE ? IDLE : ACTIVE;
    if (last === ACTIVE && chance < 0.04) next = FAULT;
    if (last === IDLE && chance < 0.06) next = OFF;
    if (last === FAULT) next = chance < 0.7 ? IDLE : OFF;
    if (last === OFF) next = IDLE;
    // IDLE always follows OFF, so OFF must not be second to last.
    if (chain.length === length - 2 && next === OFF) next = last === IDLE ? ACTIVE : IDLE;
    if (chain.length === length - 1 && next === IDLE) next = last === ACTIVE ? FAULT : OFF;
    chain.push(next);
  }
  return chain;
}

/**
 * When errors occur, in a cycle's time of operation: 5–15 s from either end, so that the distance
 * across two cycles is 10–30 s.
 */
function errorTimes(operatedUs: number, random: Random): number[] {
  const first = random.whole(5 * secondUs, 15 * secondUs);
  const last = operatedUs - random.whole(5 * secondUs, 15 * secondUs);
  const times = [first];
  for (const length of cutInto(
    last - first,
    { minUs: 10 * secondUs, maxUs: 30 * secondUs },
    random,
  )) {
    times.push(times.at(-1)! + length);
  }
  return times;
}

function reasonsOf(state: MachineState): readonly string[] {
  if (state === ACTIVE) return stateReasons.active;
  if (state === FAULT) return stateReasons.fault;
  return state === OFF ? stateReasons.off : stateReasons.idle;
}
