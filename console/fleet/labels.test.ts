// Which labels can be chosen, and which machines a choice leaves.
import { expect, test } from "vitest";
import type { Description } from "../contract/descriptions.ts";
import { labelChoices, matchesLabels, matchesText, toChosen, withChoice } from "./labels.ts";

const of = (labels: Record<string, string>, displayName = ""): Description => ({
  displayName,
  labels: new Map(Object.entries(labels)),
});

test("keys that most machines have come first, and values by their numbers", () => {
  const descriptions = new Map(
    Object.entries({
      a: of({ line: "10", type: "press" }),
      b: of({ line: "9", type: "press", hall: "n" }),
      c: of({ line: "9" }),
    }),
  );
  expect(labelChoices(descriptions)).toEqual([
    { key: "line", values: ["9", "10"] },
    { key: "type", values: ["press"] },
    { key: "hall", values: ["n"] },
  ]);
  const serials = Array.from({ length: 201 }, (_, i) => [`m${i}`, of({ serial: `${i}` })] as const);
  expect(labelChoices(new Map(serials))).toEqual([]);
});

test("a choice is kept in the address as texts, and each key has one value", () => {
  const texts = withChoice(["line:3"], { key: "opc", value: "ns=2:a" });
  expect(texts).toEqual(["line:3", "opc:ns=2:a"]);
  expect(withChoice(texts, { key: "line", value: "4" })).toEqual(["line:4", "opc:ns=2:a"]);
  expect(withChoice(texts, { key: "opc", value: "" })).toEqual(["line:3"]);
  expect(toChosen(["nonsense", ":x"]).size).toBe(0);
});

test("a machine matches by all chosen labels, and by its name or its display name", () => {
  const press = of({ line: "3", hall: "n" }, "Große Presse");
  expect(matchesLabels(press, toChosen(["line:3", "hall:n"]))).toBe(true);
  expect(matchesLabels(press, toChosen(["line:3", "hall:s"]))).toBe(false);
  expect(matchesLabels(undefined, toChosen(["line:3"]))).toBe(false);
  expect(matchesLabels(undefined, toChosen([]))).toBe(true);
  expect(matchesText("press-7", { description: press, text: "große" })).toBe(true);
  expect(matchesText("Press-7", { description: undefined, text: "ess-7" })).toBe(true);
  expect(matchesText("press-7", { description: press, text: "mill" })).toBe(false);
});
