// Cells of CSV: quoted where a reader would take them for more, and safe for spreadsheets where
// that is asked for.
import fc from "fast-check";
import { expect, test } from "vitest";
import { CsvRecords } from "./csv-record.ts";
import { toCsvLine, toSafeText } from "./csv-text.ts";

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
  for (const text of [
    "-1",
    "+2.5",
    "-1e-3",
    ".5",
    "E-17",
    "a=b",
    "mill-1",
    "'=1",
    "",
    "2026-03-01T08:00:00Z",
  ])
    expect(toSafeText(text)).toBe(text);
  expect(toCsvLine([-1, "=1", "-2", -1e300, null, true], { safe: true })).toBe(
    "-1,'=1,-2,-1e+300,,true\n",
  );
});

test("any line is read back as it was written", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", "=") }), {
        minLength: 1,
      }),
      (cells) => {
        const records = new CsvRecords();
        const written = toCsvLine(cells).slice(0, -1).split("\n");
        const read = written.flatMap((line, i) => records.take(i + 1, line) ?? []);
        expect(read).toMatchObject([{ line: 1, lines: written.length, fields: cells }]);
      },
    ),
  );
});

test.each(["a,", '"a""b",'])(
  "a record of 100 times %j and another field is refused, and followed to its end",
  (field) => {
    const records = new CsvRecords();
    const refused = { fields: undefined, fault: "a record has more than 100 fields" };
    expect(records.take(1, `${field.repeat(99)}x`)).toMatchObject({
      line: 1,
      fields: { length: 100 },
    });
    expect(records.take(2, `${field.repeat(100)}x`)).toMatchObject({
      line: 2,
      lines: 1,
      ...refused,
    });
    expect(records.take(3, `${field.repeat(100)}"open`)).toBeUndefined();
    expect(records.take(4, "a,b")).toBeUndefined();
    expect(records.take(5, '""still""')).toBeUndefined();
    expect(records.take(6, 'c",d')).toMatchObject({ line: 3, lines: 4, ...refused });
    expect(records.take(7, "a,b")).toEqual({ line: 7, lines: 1, fields: ["a", "b"] });
  },
);
