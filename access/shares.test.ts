// Fair shares: bounds on the total and on each caller, room for the next caller, and nothing held
// once all loans are given back.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Loan, Shares } from "./shares.ts";

const takeAll = (shares: Shares, caller: string): Loan[] => {
  const loans: Loan[] = [];
  for (;;) {
    const loan = shares.borrow(caller, 1);
    if (!(loan instanceof Loan)) return loans;
    loans.push(loan);
  }
};

test("one that could take all of it gets half, the next a quarter, and so on; each at least something", () => {
  const shares = new Shares({ total: 100, perCaller: 100 });
  expect(["a", "b", "c", "d", "e"].map((caller) => takeAll(shares, caller).length)).toEqual([
    50, 25, 12, 6, 3,
  ]);
  expect(shares.shortageOf("a", 1)).toBe("own");
  expect(shares.shortageOf("f", 1)).toBeUndefined();
  expect(shares.shortageOf("f", 5)).toBe("all");
});

test("nobody holds more than a quarter unless told otherwise, and of one there is one", () => {
  const shares = new Shares({ total: 64 });
  expect(["a", "b", "c", "d"].map((caller) => takeAll(shares, caller).length)).toEqual([
    16, 16, 16, 8,
  ]);
  const single = new Shares({ total: 1 });
  expect(takeAll(single, "a").length).toBe(1);
  expect(single.shortageOf("b", 1)).toBe("all");
  expect(new Shares({ total: 0 }).borrow("a", 1)).toBe("all");
});

test("a loan grows, moves to whom it belongs, and is given back once", () => {
  const shares = new Shares({ total: 100 });
  const loan = shares.borrow("address", 10) as Loan;
  expect(shares.grow(loan, 10)).toBeUndefined();
  expect(shares.grow(loan, 10)).toBe("own");
  expect(loan.amount).toBe(20);
  loan.moveTo("key");
  expect([shares.heldBy("address"), shares.heldBy("key"), shares.callers]).toEqual([0, 20, 1]);
  shares.borrowAnyway("key", 90);
  expect(shares.held).toBe(110);
  for (let i = 0; i < 2; i++) loan[Symbol.dispose]();
  loan.add(5);
  loan.moveTo("nobody");
  expect([shares.held, shares.heldBy("key"), shares.callers]).toEqual([90, 90, 1]);
});

type Step = { caller: string; amount: number; giveBack: number | undefined };

test("whatever is asked: bounds hold, a granted loan leaves as much free, nothing is left over", () => {
  const step: fc.Arbitrary<Step> = fc.record({
    caller: fc.constantFrom("a", "b", "c", "d"),
    amount: fc.nat(40),
    giveBack: fc.option(fc.nat(100), { nil: undefined }),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.nat(100),
      fc.nat(100),
      (steps, total, perCaller) => {
        const shares = new Shares({ total, perCaller });
        const loans: Loan[] = [];
        for (const { caller, amount, giveBack } of steps) {
          if (giveBack !== undefined)
            loans[giveBack % Math.max(1, loans.length)]?.[Symbol.dispose]();
          const before = shares.held;
          const loan = shares.borrow(caller, amount);
          if (loan instanceof Loan) {
            loans.push(loan);
            const own = shares.heldBy(caller);
            expect(own).toBeLessThanOrEqual(perCaller);
            expect(own <= 1 || own <= total - shares.held).toBe(true);
          } else expect(shares.held).toBe(before);
          expect(shares.held).toBeLessThanOrEqual(total);
          expect(shares.held).toBe(loans.reduce((sum, one) => sum + one.amount, 0));
        }
        for (const loan of [...loans, ...loans]) loan[Symbol.dispose]();
        expect([shares.held, shares.callers]).toEqual([0, 0]);
      },
    ),
  );
});

test("a caller that takes all it can keeps no newcomer from what is left to share", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 8, max: 1_000 }),
      fc.integer({ min: 1, max: 2 }),
      (total, hogs) => {
        const shares = new Shares({ total, perCaller: total });
        for (let i = 0; i < hogs; i++) takeAll(shares, `hog ${i}`);
        expect(shares.borrow("newcomer", Math.floor(total / 2 ** (hogs + 1) - 1))).toBeInstanceOf(
          Loan,
        );
      },
    ),
  );
});
