// JSON is counted in turns, and the result is the same wherever a turn ends.
import fc from "fast-check";
import { expect, test } from "vitest";
import { assertJsonCost } from "./json-cost.ts";

const limits = { freeCostBytes: 1e9, maxCostPerByte: 1e3, maxCostBytes: 1e12 };
const cost = (text: string) => assertJsonCost(Buffer.from(text), limits);
const turnBytes = 256 * 1024;

test("wherever a turn ends, a value costs what it costs by itself", async () => {
  const value = fc.oneof(
    fc.json(),
    fc
      .string({ unit: fc.constantFrom('"', "\\", "a", "1", "{", ",") })
      .map((text) => JSON.stringify(text)),
  );
  await fc.assert(
    fc.asyncProperty(value, fc.nat({ max: 60 }), async (text, before) => {
      const padded = `${" ".repeat(turnBytes - before)}${text}`;
      expect(await cost(padded)).toBe(await cost(text));
    }),
    { numRuns: 200 },
  );
});

test("eight megabytes let others have thirty turns", async () => {
  let turns = 0;
  let over = false;
  const count = () => {
    turns++;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  await cost("0,".repeat(4_000_000));
  over = true;
  expect(turns).toBeGreaterThanOrEqual(30);
});

test("one text may be longer than a turn", async () => {
  expect(await cost(`"${"a".repeat(3 * turnBytes)}"`)).toBe(32 + 2 * 3 * turnBytes);
});

test("the elements of the largest batch are cheap, and a million elements are refused", async () => {
  const list = (element: string, count: number) => `[${`${element},`.repeat(count - 1)}${element}]`;
  const message = { freeCostBytes: 16 * 1024, maxCostPerByte: 32, maxCostBytes: 64 * 1024 * 1024 };
  for (const element of ["0", '""', "null", "[]"]) {
    const most = Buffer.from(list(element, 131_072));
    expect(await assertJsonCost(most, { ...message, maxCostPerByte: 1e3 }), element).toBeLessThan(
      14e6,
    );
    const million = Buffer.from(list(element, 1_000_000));
    await expect(assertJsonCost(million, message), element).rejects.toThrow("send less at once");
  }
  // Zeros, as in a batch of the largest size.
  expect(
    await assertJsonCost(Buffer.from(`{"values":${list("0", 65_536)}}`), message),
  ).toBeLessThan(3e6);
});
