// Equal to sorting (by bytes of UTF-8) and filtering all names, in whatever order they were added
// and read.
import fc from "fast-check";
import { expect, test } from "vitest";
import { SortedNames } from "./sorted-names.ts";

const name = fc.string({
  unit: fc.constantFrom("a", "b", "-", " ", "é", "\uff5e", "🏭"),
  minLength: 1,
  maxLength: 4,
});
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

test("names come in order, after any place and by any prefix", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { maxLength: 200 }),
      name,
      fc.nat(10),
      fc.nat(100),
      (names, probe, limit, early) => {
        const sorted = new SortedNames();
        for (const [i, one] of names.entries()) {
          sorted.add(one);
          if (i === early) sorted.all();
        }
        const all = names.toSorted(byBytes);
        expect(sorted.all()).toEqual(all);
        expect(sorted.size).toBe(all.length);
        expect(sorted.after(probe, limit)).toEqual(
          all.filter((one) => byBytes(one, probe) > 0).slice(0, limit),
        );
        expect([...sorted.from(probe)]).toEqual(all.filter((one) => byBytes(one, probe) > 0));
        expect(sorted.withPrefix(probe)).toEqual(all.filter((one) => one.startsWith(probe)));
      },
    ),
  );
});
