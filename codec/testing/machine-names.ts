// Names of machines for tests: those that plants have, any that the rule allows, and hostile ones.
import fc from "fast-check";
import { readMachineName } from "../machine-name.ts";

/** Names as plants have them; each in NFC. */
export const plantNames: readonly string[] = [
  "mill-7",
  "Halle 3 / Presse 7",
  "Фреза №2",
  "铣床 7",
  "旋盤２号",
  "مكبس ٧",
  "می\u200cخواهم",
  "Übergabe",
  "Presse 3, links",
  "100 % / 50%25",
  "A+B",
  "a\\b",
  '"7"',
  "'7'",
  "=1+2",
  "x;y=z&w#q?",
  "🏭 7",
  "\uff5e7",
  "Crème",
];

const unit = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(..."aZ09 ./-_,%+*\"'\\&=?#;:@[](){}<>|~^`$!éäжщ中業７٧"),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "e\u0301",
      "\u1100\u1161\u11a8",
      "\u212b",
      "🏭",
      "\u{20000}",
      "\uff5e",
      "ß",
      "\u00a0",
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }) },
);

/** Any name that the rule allows, in any form of Unicode; read them with readMachineName. */
export const machineNames: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 4, arbitrary: fc.string({ unit, minLength: 1, maxLength: 12 }) },
    { weight: 1, arbitrary: fc.string({ unit, minLength: 60, maxLength: 128 }) },
    { weight: 1, arbitrary: fc.constantFrom(...plantNames) },
  )
  .filter((text) => readMachineName(text) !== undefined);

/** Texts that no interface may accept as a name, made of code points that UTF-8 can encode. */
export const hostileNames: readonly (readonly [why: string, text: string])[] = [
  ["empty", ""],
  ["a dot", "."],
  ["two dots", ".."],
  ["a blank before", " mill"],
  ["a wide blank after", "mill\u3000"],
  ["a line end", "mill\n7"],
  ["NUL", "mill\u00007"],
  ["an escape", "\u001b[2Jmill"],
  ["text turned around", "mill\u202e7"],
  ["zero width", "mill\u200b7"],
  ["a joiner between Latin letters", "mi\u200dll"],
  ["a byte order mark", "\ufeffmill"],
  ["a separator of lines", "mill\u20287"],
  ["private", "mill\ue000"],
  ["unassigned", "mill\u{10ffff}"],
  ["what was not UTF-8", "Fr\ufffdse"],
  ["129 characters", "ä".repeat(129)],
  ["129 characters beyond U+FFFF", "🏭".repeat(129)],
];
