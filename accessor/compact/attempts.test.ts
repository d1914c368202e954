// Steps that fail: ever smaller ones until one commit is alone, which is passed over after three
// failures; everything else goes on.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Attempts } from "./attempts.ts";

/**
 * Compacts commits of a row each, some of which fail whatever step they are in. Answers how many
 * steps it took.
 */
function run(count: number, poisoned: ReadonlySet<number>, fullRows: number) {
  const attempts = new Attempts(fullRows);
  const held: number[] = [];
  let steps = 0;
  for (let at = 0; at < count && steps < 10_000; steps++) {
    const rows = Math.min(attempts.maxRows, count - at);
    const fails = Array.from({ length: rows }, (_, i) => at + i).some((commit) =>
      poisoned.has(commit),
    );
    if (!fails) {
      attempts.succeeded();
      at += rows;
    } else if (attempts.failed({ rows, oneCommit: rows === 1 })) {
      held.push(at++);
      attempts.held();
    }
  }
  return { held, steps };
}

test("exactly the commits that fail are passed over, in few steps", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3_000 }),
      fc.array(fc.nat(2_999), { maxLength: 5 }),
      fc.constantFrom(1, 100, 10_000),
      (count, list, fullRows) => {
        const poisoned = new Set(list.filter((at) => at < count));
        const { held, steps } = run(count, poisoned, fullRows);
        expect(held).toEqual([...poisoned].sort((a, b) => a - b));
        if (fullRows > 1)
          expect(steps).toBeLessThan(count / fullRows + 20 + 60 * (poisoned.size + 1));
      },
    ),
  );
});

test("a commit alone is tried three times", () => {
  const attempts = new Attempts(100);
  const alone = { rows: 5, oneCommit: true };
  expect([attempts.failed(alone), attempts.failed(alone), attempts.failed(alone)]).toEqual([
    false,
    false,
    true,
  ]);
});

test("a database in which everything fails is not emptied into what is held", () => {
  const { held } = run(100, new Set(Array.from({ length: 100 }, (_, i) => i)), 1);
  expect(held.length).toBe(16);
});
