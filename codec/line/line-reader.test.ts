// Line protocol is read as InfluxDB's reference describes it: escapes, types, quotes, comments,
// line ends; in pieces of any size; every fault with the number of its line.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type FieldValue, readFieldValue } from "./field-value.ts";
import { LineFault } from "./line-fault.ts";
import type { LineKey } from "./line-key.ts";
import { LineReader } from "./line-reader.ts";
import { type Precision, precisions, readLineTime } from "./line-time.ts";

type Read = {
  measurement: string;
  tags: Record<string, string>;
  field: string;
  value: FieldValue;
  timeUs: number | undefined;
  line: number;
};

function read(pieces: string | readonly string[], precision: Precision = "ns") {
  const fields: Read[] = [];
  const faults: [line: number, message: string][] = [];
  const reader = new LineReader<LineKey>(
    {
      series: (key) => key,
      field({ measurement, tags }, field, value, at) {
        fields.push({ measurement, tags: Object.fromEntries(tags), field, value, ...at });
      },
      fault: (line, { message }) => faults.push([line, message]),
    },
    { precision },
  );
  for (const piece of typeof pieces === "string" ? [pieces] : pieces) reader.push(piece);
  reader.end();
  return { fields, faults };
}

const shortly = ({ fields }: ReturnType<typeof read>) =>
  fields.map(({ measurement, tags, field, value, timeUs }) => [
    measurement,
    tags,
    field,
    value,
    timeUs,
  ]);

test("each kind of value, with and without tags and time", () => {
  const text = String.raw`# a comment, "with quotes
weather,location=us-midwest temperature=82 1465839830100400200
  weather temperature=82,humidity=71i,wet=false,note="too \"hot\\warm\"" 1465839830100400200

weather,a=b count=12u,on=T,x=-1.5e-3
`;
  const tags = { location: "us-midwest" };
  expect(shortly(read(text))).toEqual([
    ["weather", tags, "temperature", 82, 1465839830100400],
    ["weather", {}, "temperature", 82, 1465839830100400],
    ["weather", {}, "humidity", 71, 1465839830100400],
    ["weather", {}, "wet", false, 1465839830100400],
    ["weather", {}, "note", 'too "hot\\warm"', 1465839830100400],
    ["weather", { a: "b" }, "count", 12, undefined],
    ["weather", { a: "b" }, "on", true, undefined],
    ["weather", { a: "b" }, "x", -0.0015, undefined],
  ]);
  expect(read(text).faults).toEqual([]);
  expect(read(text.replaceAll("\n", "\r\n"))).toEqual(read(text));
});

test("escapes in names, quotes in tags, line ends and blanks in texts", () => {
  const text = String.raw`wea\,ther\ a,loca\=tion=us\ "mid\,west\=1,b=x"y temp\=er\ ature="a
b, c=1 d" 1
m f\,g=1 2
C:\data,p=\\x v=1 3`;
  expect(shortly(read(text))).toEqual([
    ["wea,ther a", { "loca=tion": 'us "mid,west=1', b: 'x"y' }, "temp=er ature", "a\nb, c=1 d", 0],
    ["m", {}, "f,g", 1, 0],
    ["C:\\data", { p: "\\\\x" }, "v", 1, 0],
  ]);
  // The text with a line end spans two lines.
  expect(read(text).fields.map(({ line }) => line)).toEqual([1, 3, 4]);
});

test("what cannot be read is named by its line, and the rest is read", () => {
  const text = [
    "m v=1 1",
    "novalue",
    "m v 2",
    "m v=abc 3",
    "m v=1i5 3",
    'm v="open 4',
    'closed" 4',
    "m,t v=1 5",
    "m,t= v=1 6",
    "m,a=1,a=2 v=1 7",
    ",a=1 v=1 8",
    "m v=1, 9",
    "m v=1 12x",
    "m v=1e999,w=2 13",
    "m v=9007199254740993i 14",
    "m v=0x10 15",
    'm v="a"b 16',
    "m v=1 17",
  ].join("\n");
  const { fields, faults } = read(text);
  expect(fields.map(({ field, timeUs, line }) => [field, timeUs, line])).toEqual([
    ["v", 0, 1],
    ["v", 0, 6],
    ["v", 0, 12],
    ["w", 0, 14],
    ["v", 0, 18],
  ]);
  expect(faults.map(([line]) => line)).toEqual([2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
  for (const [, message] of faults) expect(message).toMatch(/^[^\n]{10,200}$/);
});

test("a line that does not end is given up at a mebibyte, and the next one is read", () => {
  const pieces = Array.from({ length: 40 }, () => "x".repeat(64 * 1024));
  const { fields, faults } = read([...pieces, "\nm v=1 1\n"]);
  expect(faults).toEqual([[1, "the line is longer than 1048576 characters"]]);
  expect(fields).toMatchObject([{ measurement: "m", line: 2 }]);
});

const name = fc.string({
  unit: fc.constantFrom("a", "Z", "0", "_", ",", " ", "=", '"', "ü", "☃", "-", "."),
  minLength: 1,
  maxLength: 8,
});
const escaped = (text: string) => text.replace(/[,= ]/g, "\\$&");
const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger().map((n) => ({ integer: n })),
  fc.boolean(),
  fc.string({ unit: fc.constantFrom("a", "\\", '"', "\n", " ", ",", "=", "#") }),
);
type Value = typeof value extends fc.Arbitrary<infer T> ? T : never;
const written = (one: Value) =>
  typeof one === "object"
    ? `${one.integer}i`
    : typeof one === "string"
      ? `"${one.replace(/["\\]/g, "\\$&")}"`
      : Object.is(one, -0)
        ? "-0"
        : String(one);
const expected = (one: Value): FieldValue => (typeof one === "object" ? one.integer + 0 : one);
const line = fc.record({
  // A measurement that begins with "#" would be a comment.
  measurement: name.filter((text) => !/^[\s#]/.test(text)),
  tags: fc.uniqueArray(fc.tuple(name, name), { selector: ([tag]) => tag, maxLength: 3 }),
  fields: fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 3 }),
  timeNs: fc.option(fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n })),
});

test("what is written by the rules comes back, in pieces of any size", () => {
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 6 }),
      fc.array(fc.nat(30), { minLength: 1 }),
      fc.constantFrom("\n", "\r\n"),
      (lines, sizes, lineEnd) => {
        const text = lines
          .map(
            ({ measurement, tags, fields, timeNs }) =>
              escaped(measurement) +
              tags.map(([tag, of]) => `,${escaped(tag)}=${escaped(of)}`).join("") +
              ` ${fields.map(([field, one]) => `${escaped(field)}=${written(one)}`).join(",")}` +
              (timeNs === null ? "" : ` ${timeNs}`),
          )
          .join(lineEnd);
        const pieces: string[] = [];
        for (let at = 0, i = 0; at < text.length; i++) {
          const size = sizes[i % sizes.length]! + 1;
          pieces.push(text.slice(at, at + size));
          at += size;
        }
        const { fields, faults } = read(pieces);
        expect(faults).toEqual([]);
        expect(fields.map(({ line: _, ...rest }) => rest)).toEqual(
          lines.flatMap(({ measurement, tags, fields: given, timeNs }) =>
            given.map(([field, one]) => ({
              measurement,
              tags: Object.fromEntries(tags),
              field,
              value: expected(one),
              timeUs: timeNs === null ? undefined : Number(timeNs / 1000n),
            })),
          ),
        );
      },
    ),
  );
});

test("any text is read or has faults, and ends", () => {
  const pieces = fc.array(
    fc.string({ unit: fc.constantFrom("m", "=", ",", " ", '"', "\\", "\n", "1", "#", "i") }),
  );
  fc.assert(
    fc.property(pieces, (text) => {
      const whole = read(text.join(""));
      expect(read(text)).toEqual(whole);
    }),
    { numRuns: 500 },
  );
});

test("times in every precision, cut to microseconds towards the past", () => {
  const given: [string, Precision, number][] = [
    ["1465839830100400999", "ns", 1465839830100400],
    ["-1", "ns", -1],
    ["-1000", "n", -1],
    ["-1001", "ns", -2],
    ["7", "ns", 0],
    ["1465839830100400", "us", 1465839830100400],
    ["1465839830100400", "µ", 1465839830100400],
    ["1465839830100", "ms", 1465839830100000],
    ["-5", "s", -5_000_000],
    ["1465839830", "s", 1465839830000000],
    ["3", "m", 180_000_000],
    ["2", "h", 7_200_000_000],
  ];
  for (const [text, precision, timeUs] of given)
    expect([text, precision, readLineTime(text, precision)]).toEqual([text, precision, timeUs]);
  for (const text of ["", "-", "1.5", "1e9", "12345678901234567890123", "९"])
    for (const precision of precisions)
      expect(readLineTime(text, precision)).toBeInstanceOf(LineFault);
  expect(readLineTime("99999999999999999", "s")).toBeInstanceOf(LineFault);
});

test("numbers are those of JavaScript, to the bit", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      const text = Object.is(number, -0) ? "-0" : String(number);
      expect(Object.is(readFieldValue(text), number)).toBe(true);
    }),
  );
  for (const text of [
    "",
    "1_0",
    "0b1",
    "0o7",
    "+",
    ".",
    "1e",
    "--1",
    "Infinity",
    "-Infinity",
    "nan",
  ])
    expect([text, readFieldValue(text)]).toEqual([text, expect.any(LineFault)]);
});
