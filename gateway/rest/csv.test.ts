// Cells of CSV: quoted where a reader would take them for more, and safe for spreadsheets where
// that is asked for.
import fc from "fast-check";
import { expect, test } from "vitest";
import { toCsvLine, toSafeText } from "./csv.ts";
import { CsvRecords } from "./csv-record.ts";

test.each([
  ["a\rb", '"a\rb"'],
  ["\r", '"\r"'],
  ["a\nb", '"a\nb"'],
  ['a"b', '"a""b"'],
  ["a,b", '"a,b"'],
  ["a b", "a b"],
  ["=1+1", "=1+1"],
  [-1, "-1"],
  [-0, "-0"],
  [undefined, ""],
])("%j is written as %j", (value, written) => {
  expect(toCsvLine([value, 1])).toBe(`${written},1\n`);
});

test.each([
  "=HYPERLINK(1)",
  "+1+1",
  "-1+cmd|' /C calc'!A0",
  "@SUM(A1)",
  "\t=1",
  "\r=1",
  "\tx",
  "\rx",
  "  =1",
  "\n=1",
  "\uff1d1",
  "--1",
  "-",
])("%j is no formula where CSV is to be safe", (text) => {
  expect(toSafeText(text)).toBe(`'${text}`);
});

test("numbers stay numbers, in cells and in texts, and so do other texts", () => {
  for (const text of ["-1", "+2.5", "-1e-3", ".5", "E-17", "a=b", "mill-1", "'=1", "", "2026-03-01T08:00:00Z"])
    expect(toSafeText(text)).toBe(text);
  expect(toCsvLine([-1, "=1", "-2", -1e300, null, true], { safe: true })).toBe("-1,'=1,-2,-1e+300,,true\n");
});

test("any line is read back as it was written", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", "=") }), { minLength: 1 }),
      (cells) => {
        const records = new CsvRecords();
        const written = toCsvLine(cells).slice(0, -1).split("\n");
        const read = written.flatMap((line, i) => records.take(i + 1, line) ?? []);
        expect(read).toMatchObject([{ line: 1, lines: written.length, fields: cells }]);
      },
    ),
  );
});
