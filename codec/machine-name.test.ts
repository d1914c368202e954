// Names of machines against the rule as it is written down, and names that plants and attackers
// have.
import fc from "fast-check";
import { expect, test } from "vitest";
import { machineNameFault, readMachineName, shownName } from "./machine-name.ts";

const taken = /^(?!\ufffd)[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]$/u;
const spelledWithJoiners =
  /^[\p{scx=Arab}\p{scx=Syrc}\p{scx=Mong}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}]$/u;

/** The rule, character by character. */
function fitsRule(text: string): boolean {
  const characters = [...text.normalize("NFC")];
  const { length } = characters;
  if (length < 1 || length > 128 || [".", ".."].includes(characters.join(""))) return false;
  if (/\p{White_Space}/u.test(characters[0]! + characters.at(-1)!)) return false;
  const joins = (one = "") => /^[\p{L}\p{M}]$/u.test(one) && spelledWithJoiners.test(one);
  return characters.every((one, i) =>
    one === "\u200c" || one === "\u200d"
      ? joins(characters[i - 1]) && joins(characters[i + 1])
      : taken.test(one),
  );
}

/** Anything that a string of JavaScript can hold, with what matters more often than by chance. */
const anything = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...'aZ09 ./-,%+*"\\éй中🏭\u0301\u200c\u200d\u06cc\u0915\u094d\u00a0',
    ),
  },
  { weight: 3, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "\0",
      "\n",
      "\u202e",
      "\u200b",
      "\ufeff",
      "\ud800",
      "\ue000",
      "\u2028",
      "\ufffd",
    ),
  },
);
const texts = fc.oneof(
  fc.string({ unit: anything, maxLength: 6 }),
  fc.string({ unit: anything, minLength: 120, maxLength: 140 }),
  fc.string({
    unit: fc.constantFrom("a", "e\u0301", "\u1f82".normalize("NFD"), "🏭", "\u0958"),
    minLength: 60,
    maxLength: 140,
  }),
);

test("a text is a name exactly if the rule says so, and is answered with in NFC", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const name = readMachineName(text);
      expect(name !== undefined).toBe(fitsRule(text));
      if (name === undefined) expect(machineNameFault(text)).not.toContain("undefined");
      else {
        expect(name).toBe(text.normalize("NFC"));
        expect(readMachineName(name)).toBe(name);
        expect(readMachineName(name.normalize("NFD"))).toBe(name);
        expect(Buffer.from(name).toString()).toBe(name);
      }
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  "mill-7",
  "Halle 3 / Presse 7",
  "Фреза №2",
  "铣床 7",
  "旋盤２号",
  "Crème brûlée, 100 %",
  "-7",
  "...",
  "A+B*C",
  "🏭 7 ⚙️",
  "می\u200cخواهم",
  "ශ්\u200dරී 1",
  "क्\u200dष",
  "مكبس ٧",
  "🏭".repeat(128),
  "\u1f82".normalize("NFD").repeat(128),
])("%j is a name", (text) => {
  expect(readMachineName(text)).toBe(text.normalize("NFC"));
});

test.each<[text: string, says: string]>([
  ["", "is empty"],
  [".", "is reserved in paths"],
  ["..", "is reserved in paths"],
  [" mill", "begins with a blank, U+0020"],
  ["mill\u00a0", "ends with a blank, U+00A0"],
  ["mill\u3000", "ends with a blank, U+3000"],
  ["mill\n7", "contains U+000A as character 5, a control character"],
  ["mill\0", "contains U+0000 as character 5, a control character"],
  ["🏭\u202e7", "contains U+202E as character 2, an invisible format character"],
  [
    "a\u200db",
    "contains U+200D as character 2, a joiner that is not between letters of a script that needs it",
  ],
  ["👩\u200d🔧", "contains U+200D as character 2, a joiner"],
  ["می\u200c", "contains U+200C as character 3, a joiner"],
  ["\ufeffmill", "contains U+FEFF as character 1, an invisible format character"],
  ["a\ud800b", "contains U+D800 as character 2, half a surrogate pair"],
  ["a\ue000b", "contains U+E000 as character 2, a private character"],
  ["a\uffffb", "contains U+FFFF as character 2, an unassigned character"],
  ["Fr\ufffdse", "contains U+FFFD as character 3, which stands for bytes that were not UTF-8"],
  ["a\u2028b", "contains U+2028 as character 2, a separator of lines or paragraphs"],
  ["a".repeat(129), "has more than 128 characters"],
  ["\u0958".repeat(65), "has more than 128 characters"],
  ["a".repeat(10_000_000), "has more than 128 characters"],
])("case %#: a text is none, for a reason", (text, says) => {
  expect(readMachineName(text)).toBeUndefined();
  const fault = machineNameFault(text);
  expect(fault).toContain(says);
  expect(fault.length).toBeLessThan(500);
  expect(fault).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
});

test("what is shown of any text is short, quoted and visible", () => {
  expect(shownName('a"b\\c')).toBe('"a\\"b\\\\c"');
  expect(shownName("a\u202eb\n\ud800")).toBe('"a\\u{202e}b\\u{a}\\u{d800}"');
  expect(shownName("🏭".repeat(81))).toBe(`"${"🏭".repeat(80)}…"`);
  fc.assert(
    fc.property(texts, (text) => {
      expect(shownName(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    }),
  );
});
