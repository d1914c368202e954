// Equal to sorting and filtering all names, in whatever order they came and were looked at.
import fc from "fast-check";
import { expect, test } from "vitest";
import { SortedNames } from "./sorted-names.ts";

const name = fc.stringMatching(/^[a-c-]{1,4}$/);

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
        const all = names.toSorted();
        expect(sorted.all()).toEqual(all);
        expect(sorted.size).toBe(all.length);
        expect(sorted.after(probe, limit)).toEqual(all.filter((one) => one > probe).slice(0, limit));
        expect(sorted.withPrefix(probe)).toEqual(all.filter((one) => one.startsWith(probe)));
      },
    ),
  );
});
