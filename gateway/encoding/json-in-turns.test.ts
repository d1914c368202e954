// Bodies written in turns equal bodies written at once.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Json, toJsonText } from "../../codec/row/json-text.ts";
import { digestInTurns, digestOf } from "../cache/entity-tag.ts";
import { jsonInTurns, lazyList } from "./json-in-turns.ts";

/** Counts the places at which other work may run. */
const counting = () => {
  const turns = { paused: 0, pause: () => Promise.resolve(void turns.paused++) };
  return turns;
};

const text = async (value: Json) => Buffer.concat(await jsonInTurns(value, counting())).toString();

test("the same text as at once, whatever it is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      expect(await text(value as Json)).toBe(toJsonText(value as Json));
    }),
  );
  const odd = {
    a: undefined,
    b: [],
    c: {},
    d: [[], [{}], { e: [undefined, -0, NaN, 2n ** 60n, "ü\u2028"] }],
    f: -0,
  };
  expect(await text(odd)).toBe(toJsonText(odd));
});

test("lists whose items are made when they are written", async () => {
  const items = Array.from({ length: 3_000 }, (_, i) => i);
  const list = () => lazyList(items, (i) => ({ i, of: lazyList([i, -i], (n) => ({ n })) }));
  const whole = items.map((i) => ({ i, of: [{ n: i }, { n: -i }] }));
  expect(await text({ list: list(), next: "" })).toBe(toJsonText({ list: whole, next: "" }));
  expect(toJsonText({ list: list() })).toBe(toJsonText({ list: whole }));
});

test("a large body has thousands of turns, and no piece is large; so has its digest", async () => {
  const rows = Array.from({ length: 40_000 }, (_, i) => ({
    machine: "mill-1",
    signal: "power",
    value: i / 7,
    text: "ü",
  }));
  const [writing, digesting] = [counting(), counting()];
  const made: number[] = [];
  const list = lazyList(rows, (row) => {
    made.push(writing.paused);
    return row;
  });
  const pieces = await jsonInTurns({ series: [{ rows: list }] }, writing);
  expect(writing.paused).toBeGreaterThan(2_000);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(150_000);
  // Made while it is written, and not before.
  expect(made.at(-1)! - made[0]!).toBeGreaterThan(2_000);
  const body = Buffer.concat(pieces);
  expect(body.toString()).toBe(toJsonText({ series: [{ rows }] }));
  expect(await digestInTurns(pieces, digesting)).toBe(digestOf(body));
  expect(digesting.paused).toBe(pieces.length);
});
