// Patterns of machines against regular expressions, and against names that they may never match.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readMachineName } from "../codec/machine-name.ts";
import { fitsGlob } from "./glob.ts";
import { readMachinePattern } from "./machine-pattern.ts";

const characters = [
  ..."ab /.+*?[(\\^$|",
  "é",
  "e\u0301",
  "é".normalize("NFD"),
  "ж",
  "中",
  "🏭",
  "\u0301",
  "ب",
  "\u200c",
  ",",
];
const texts = fc.string({ unit: fc.constantFrom(...characters), maxLength: 8 });
const patterns = fc.string({
  unit: fc.constantFrom("*", "*", ...characters, "\n", "\u202e", "\ud800"),
  maxLength: 8,
});

/** Written in another way: as a regular expression over characters. */
function matches(pattern: string, name: string): boolean {
  const parts = pattern.normalize("NFC").split("*");
  const source = parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join(".*");
  return new RegExp(`^(?:${source})$`, "su").test(name.normalize("NFC"));
}

test("a pattern matches whole names, in whatever form both are written", () => {
  fc.assert(
    fc.property(patterns, texts, fc.boolean(), (written, text, cut) => {
      const name = readMachineName(text);
      // Patterns that fit by chance are rare: every other one is the name with holes in it.
      const asked = cut ? text.replaceAll(/[b.]|ж.?/gu, "*") : written;
      const pattern = readMachinePattern(asked);
      if (name === undefined) return;
      if (pattern === undefined) expect(matches(asked, name)).toBe(false);
      else expect(fitsGlob(pattern, name)).toBe(matches(asked, name));
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  "*",
  "mill-*",
  "*/Presse *",
  "Halle 3 / *",
  "[a-z]",
  ".*",
  "* *",
  "铣床*",
  "می\u200c*",
  "**",
  `${"a".repeat(128)}*`,
])("%j is a pattern", (text) => {
  expect(readMachinePattern(text)).toBe(text.replace("**", "*"));
});

test.each([
  "",
  " mill-*",
  "mill-* ",
  ".",
  "..",
  "a\n*",
  "*\u202e",
  "*\ud800*",
  "a\u200d*",
  "a".repeat(129),
  "*\u0000",
])("%j could match no name", (text) => {
  expect(readMachinePattern(text)).toBeUndefined();
});

test("a pattern is kept in NFC", () => {
  expect(readMachinePattern("Cafe\u0301*")).toBe("Café*");
  expect(readMachinePattern("*".repeat(1_025))).toBeUndefined();
});
