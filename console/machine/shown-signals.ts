// Which numeric signals of a machine have a lane: the first ones, and what the address says.
import type { NumericSignal } from "./numeric-signals.ts";

/** A machine may have hundreds; a page of so many lanes is no chart. */
const lanesAtFirst = 16;
/** The contract aggregates at most so many signals in a request. */
const maxLanes = 100;

export type Chosen = {
  /** Names that the address hides. */
  readonly hide: readonly string[];
  /** Names that the address shows beyond the first ones. */
  readonly show: readonly string[];
};

export type ShownSignals = {
  readonly shown: readonly NumericSignal[];
  readonly hidden: readonly NumericSignal[];
};

export function shownSignals(
  signals: readonly NumericSignal[],
  { hide, show }: Chosen,
): ShownSignals {
  const hasLane = new Set<string>();
  signals.forEach(({ name }, at) => {
    const isChosen = show.includes(name) || (at < lanesAtFirst && !hide.includes(name));
    if (isChosen && hasLane.size < maxLanes) hasLane.add(name);
  });
  return {
    shown: signals.filter(({ name }) => hasLane.has(name)),
    hidden: signals.filter(({ name }) => !hasLane.has(name)),
  };
}

/** The choice after a lane was hidden. */
export const withoutLane = ({ hide, show }: Chosen, name: string): Chosen => ({
  hide: [...hide.filter((one) => one !== name), name],
  show: show.filter((one) => one !== name),
});

/** The choice after a lane was asked for. */
export const withLane = ({ hide, show }: Chosen, name: string): Chosen => ({
  hide: hide.filter((one) => one !== name),
  show: [...show.filter((one) => one !== name), name],
});
