// Names of signals made of any text: the stated rule, and that every result is a valid name.
import fc from "fast-check";
import { expect, test } from "vitest";
import { toSignalName } from "./signal-name.ts";

test.each([
  ["power", "power"],
  ["Spindle Speed [rpm]", "spindle_speed_rpm"],
  ["Inputs/A", "inputs_a"],
  ["1.8.0", "n1_8_0"],
  ["__x__", "x"],
  ["Öl°C", "l_c"],
  ["a".repeat(70), "a".repeat(63)],
  [`${"a".repeat(62)} b`, "a".repeat(62)],
  ["ΔΩ", undefined],
  ["", undefined],
])("%j is the signal %j", (text, name) => {
  expect(toSignalName(text)).toBe(name);
});

test("every text gives a valid name or none, and a name made once stays the same", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), (text) => {
      const name = toSignalName(text);
      if (name === undefined) {
        expect(text.toLowerCase()).not.toMatch(/[a-z0-9]/);
        return;
      }
      expect(name).toMatch(/^[a-z][a-z0-9_]{0,62}$/);
      expect(toSignalName(name)).toBe(name);
    }),
  );
});
