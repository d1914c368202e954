// JSON whose numbers survive.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Json, toJsonText } from "./json-text.ts";

test("every finite double comes back bit for bit", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Object.is(JSON.parse(toJsonText(value)), value)).toBe(true);
    }),
  );
  const edges = [-0, 0, 5e-324, -5e-324, Number.MAX_VALUE, 0.1 + 0.2, 2 ** 53, 1e21, -1e-7];
  for (const value of edges) expect(Object.is(JSON.parse(toJsonText(value)), value)).toBe(true);
  expect(toJsonText(-0)).toBe("-0");
});

test("what is no finite number is never a text: null in a list, left out as a member", () => {
  expect(toJsonText([NaN, Infinity, -Infinity, 2n ** 63n])).toBe(
    '[null,null,null,"9223372036854775808"]',
  );
  expect(toJsonText({ a: NaN, b: 1, c: -Infinity, d: { e: Infinity } })).toBe('{"b":1,"d":{}}');
});

test("anything else is as JSON.stringify writes it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const withoutZero = JSON.parse(JSON.stringify(value));
      expect(JSON.parse(toJsonText(withoutZero))).toEqual(withoutZero);
      expect(toJsonText(withoutZero as Json)).toBe(JSON.stringify(withoutZero));
    }),
  );
  expect(toJsonText({ a: undefined, b: null, c: [], d: "\u2028\u0000\ud800" })).toBe(
    JSON.stringify({ a: undefined, b: null, c: [], d: "\u2028\u0000\ud800" }),
  );
});
