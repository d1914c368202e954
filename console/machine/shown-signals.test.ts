// Which signals have a lane.
import fc from "fast-check";
import { expect, test } from "vitest";
import { shownSignals, withLane, withoutLane } from "./shown-signals.ts";

const signalOf = (name: string) => ({
  name,
  unit: "",
  maxGapUs: 1,
  stepped: false,
  counter: false,
});
const names = (count: number) => Array.from({ length: count }, (_, at) => `s${at}`);
const nothing = { hide: [], show: [] };

test("every signal is shown or listed as hidden, and at most 100 are shown", () => {
  const some = fc.subarray(names(300));
  fc.assert(
    fc.property(fc.nat({ max: 300 }), some, some, (count, hide, show) => {
      const signals = names(count).map(signalOf);
      const { shown, hidden } = shownSignals(signals, { hide, show });
      expect(shown.length).toBeLessThanOrEqual(100);
      expect(new Set([...shown, ...hidden])).toEqual(new Set(signals));
      expect(shown.length + hidden.length).toBe(count);
    }),
  );
});

test("a lane that is hidden goes, and comes back, wherever it stands in the list", () => {
  const signals = names(40).map(signalOf);
  for (const name of ["s0", "s15", "s16", "s39"]) {
    const isShown = (chosen: { hide: readonly string[]; show: readonly string[] }) =>
      shownSignals(signals, chosen).shown.some((one) => one.name === name);
    const shown = withLane(nothing, name);
    expect(isShown(shown)).toBe(true);
    const hidden = withoutLane(shown, name);
    expect(isShown(hidden)).toBe(false);
    expect(isShown(withLane(hidden, name))).toBe(true);
  }
});
