// State changes as intervals, and the time a machine spent in each state.
import type { Window } from "./line-area.ts";

/** A machine's state from `timeUs` on. */
export type StateChange = { readonly timeUs: number; readonly state: number };

/**
 * States by number, as the contract numbers them. A machine is also `unknown` before its first
 * known state.
 */
export const machineStates = Object.freeze({ unknown: 0, active: 1, idle: 2, fault: 3, off: 4 });

/** Length of the arrays that are indexed by state. */
export const stateCount = 5;

/** A state that holds from `startUs` on; `endUs` is undefined while it is the current one. */
export type StateInterval = {
  readonly startUs: number;
  readonly endUs: number | undefined;
  readonly state: number;
};

/**
 * Turns changes in the order (time, revision, position) into intervals: each starts where the one
 * before ends, in another state. Of changes at equal times the last one holds and the others
 * disappear; a repeated state extends its interval; the last interval is open. There is none before
 * the first change: for intervals that begin before a window, start with the change carried in.
 * Throws RangeError if times go backwards.
 */
export function toIntervals(changes: Iterable<StateChange>): StateInterval[] {
  const starts: StateChange[] = [];
  let lastUs = Number.NEGATIVE_INFINITY;
  for (const { timeUs, state } of changes) {
    if (timeUs < lastUs)
      throw new RangeError(`state changes out of order: ${timeUs} comes before ${lastUs}`);
    lastUs = timeUs;
    if (starts.at(-1)?.timeUs === timeUs) starts.pop();
    if (starts.at(-1)?.state !== state) starts.push({ timeUs, state });
  }
  return starts.map(({ timeUs, state }, i) => ({
    startUs: timeUs,
    endUs: starts[i + 1]?.timeUs,
    state,
  }));
}

/** Part of a window in one state. */
export type WindowInterval = {
  readonly startUs: number;
  readonly endUs: number;
  /** Below `stateCount`. */
  readonly state: number;
  /**
   * Whether the machine changed to this state here, inside the window, from another known state.
   */
  readonly transition: boolean;
};

/** A window, and the state the machine was in just before it (default: unknown). */
export type StateWindow = Window & { readonly carriedIn?: number | undefined };

/**
 * The intervals of `[fromUs, toUs)`: they fill it completely, beginning with the state carried in;
 * `unknown` (0) if nothing is known, also for a state that is none of the five (of a later
 * version). Changes before the window count as carried in; those at or past its end are ignored.
 */
export function windowIntervals(
  changes: Iterable<StateChange>,
  options: StateWindow,
): WindowInterval[] {
  const { fromUs, toUs, carriedIn = machineStates.unknown } = options;
  const intervals: WindowInterval[] = [];
  let previous: number = machineStates.unknown;
  for (const { startUs, endUs = toUs, state } of toIntervals(knownChanges(changes, carriedIn))) {
    if (startUs >= toUs) break;
    if (endUs > fromUs) {
      const transition =
        startUs >= fromUs && previous !== machineStates.unknown && state !== machineStates.unknown;
      intervals.push({
        startUs: Math.max(startUs, fromUs),
        endUs: Math.min(endUs, toUs),
        state,
        transition,
      });
    }
    previous = state;
  }
  return intervals;
}

/**
 * Microseconds in each state, by its number; they add up to the window exactly. `transitions`
 * counts the changes inside the window from one known state to another.
 */
export function timeInStates(
  changes: Iterable<StateChange>,
  options: StateWindow,
): { readonly timeUs: readonly number[]; readonly transitions: number } {
  const timeUs = new Array<number>(stateCount).fill(0);
  let transitions = 0;
  for (const { startUs, endUs, state, transition } of windowIntervals(changes, options)) {
    timeUs[state]! += endUs - startUs;
    if (transition) transitions++;
  }
  return { timeUs, transitions };
}

function* knownChanges(changes: Iterable<StateChange>, carriedIn: number): Iterable<StateChange> {
  yield { timeUs: Number.NEGATIVE_INFINITY, state: toKnownState(carriedIn) };
  for (const { timeUs, state } of changes) yield { timeUs, state: toKnownState(state) };
}

/** Unknown, if it is none of the five. */
export function toKnownState(state: number): number {
  return Number.isInteger(state) && state >= 0 && state < stateCount
    ? state
    : machineStates.unknown;
}
