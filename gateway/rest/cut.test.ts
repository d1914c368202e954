// The rows read before an answer begins show whether its limit cuts it, and none is lost.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerEverything, nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { maxKnownLimit, readAhead } from "./cut.ts";
import { fetchPages } from "./page.ts";

const sizes = fc.array(fc.nat(6), { minLength: 1, maxLength: 8 });
const anyLimit = fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined });

test("parts are read until they tell whether there are more rows than the limit, and no further", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, anyLimit, async (parts, limit) => {
      let taken = 0;
      const next = async () => (taken < parts.length ? [parts[taken++]!] : undefined);
      const { ahead, cut } = await readAhead(next, { limit, rowsOf: ([rows]) => rows! });
      const total = parts.reduce((sum, rows) => sum + rows, 0);
      expect(cut).toBe(limit === undefined ? undefined : String(total > limit));
      expect(ahead.flat()).toEqual(parts.slice(0, taken));
      const before = ahead.flat().slice(0, -1);
      expect(before.reduce((sum, rows) => sum + rows, 0)).toBeLessThanOrEqual(limit ?? 0);
    }),
  );
});

test("a limit above what may be held is not found out", async () => {
  const next = async () => 3;
  expect(await readAhead(next, { limit: maxKnownLimit + 1, rowsOf: (rows) => rows })).toEqual({
    ahead: [3],
    cut: "unknown",
  });
});

test("pages of any length give the first rows, and whether there are more", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, anyLimit, fc.boolean(), async (parts, limit, endsEmpty) => {
      const rows = parts.flatMap((size, i) => Array.from({ length: size }, (_, j) => `${i}.${j}`));
      let at = 0;
      let asked = 0;
      const fetched = await fetchPages(async ({ pageSize }) => {
        const items = rows.slice(at, at + Math.min(pageSize, parts[asked++ % parts.length]! + 1));
        at += items.length;
        // A token does not guarantee further rows.
        const more = endsEmpty ? items.length > 0 : at < rows.length;
        return { items, nextPageToken: more ? "t" : "", cursor: "c" };
      }, limit);
      const written: string[] = [];
      for await (const some of fetched.pages) for (const one of some) written.push(one);
      expect(written).toEqual(rows.slice(0, limit));
      expect(fetched.cut).toBe(limit === undefined ? undefined : String(rows.length > limit));
    }),
  );
});

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
  gateway.accessor.signals = answerEverything();
});
afterAll(() => gateway[Symbol.asyncDispose]());

test.each([
  ["/signals/power", 5, "false"],
  ["/signals/power", 4, "true"],
  ["/signals/power", 20_000, "unknown"],
  ["/signals/state", 1, "true"],
  ["/signals/error?severity=ERROR", 1, "true"],
  ["/signals/state/intervals", 1, "true"],
])("%s with limit %i says whether it is cut: %s", async (path, limit, cut) => {
  for (const format of ["csv", "ndjson"]) {
    const query = `${path}${path.includes("?") ? "&" : "?"}format=${format}`;
    expect((await fetch(gateway.baseUrl + query)).headers.get("millrace-cut")).toBeNull();
    expect(
      (await fetch(`${gateway.baseUrl}${query}&limit=${limit}`)).headers.get("millrace-cut"),
    ).toBe(cut);
  }
});
