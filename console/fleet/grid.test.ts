// Tiles stand beside and below each other, inside the width, whatever it is.
import fc from "fast-check";
import { expect, test } from "vitest";
import { gapPx, gridOf, placeOf } from "./grid.ts";

test("no two tiles overlap, none leaves the width, and rows are full but the last", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4_000 }), fc.integer({ min: 1, max: 60 }), (wide, n) => {
      const grid = gridOf(wide);
      const places = Array.from({ length: n }, (_, at) => placeOf(at, grid));
      places.forEach(({ x, y }, at) => {
        expect(x + grid.tilePx.width).toBeLessThanOrEqual(wide + 1e-6);
        const right = places[at + 1];
        if (right === undefined) return;
        if (right.y === y) expect(right.x - x).toBeCloseTo(grid.tilePx.width + gapPx);
        else {
          expect(right).toEqual({ x: 0, y: y + grid.tilePx.height + gapPx });
          expect(at % grid.columns).toBe(grid.columns - 1);
        }
      });
    }),
  );
});
