// Numbers of the code in documents equal those of the code; defaults in their tables equal those of
// --help.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type Documented, documentedNumbers } from "./testing/documented-numbers.ts";
import { amountOf, inUnits, sourceNumber } from "./testing/source-numbers.ts";

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");

/** In one line, without comment marks. */
const inALine = (text: string) => text.replaceAll(/^\s*\/\/ ?/gm, "").replaceAll(/\s+/g, " ");

/** What is wrong; undefined if the page agrees with the code. */
function fault(page: string, { sentence, source, plus }: Documented): string | undefined {
  const [, before, words, after] = /^(.*)\{(.+)\}(.*)$/.exec(sentence)!;
  if (!page.includes(`${before}${words}${after}`)) return "the page does not say this";
  const stated = amountOf(words!);
  const actual = inUnits(source) + plus;
  return stated === actual ? undefined : `it is ${actual}, not ${stated}`;
}

const all = Object.entries(documentedNumbers).flatMap(([path, numbers]) =>
  numbers.map((number) => ({ path, ...number })),
);

test.each(all)("$path: $sentence", ({ path, ...number }) => {
  expect(fault(inALine(read(path)), number)).toBeUndefined();
});

test("a page that says something else would be found", () => {
  const number = { sentence: "at most {8,192} samples", plus: 0 };
  const source = "accessor/history/buckets-of-time.ts#maxBlockSamples";
  const other = { sentence: "at most {8,193} samples", plus: 0, source };
  expect(fault("at most 8,192 samples", { ...number, source })).toBeUndefined();
  expect(fault("at most 8,193 samples", { ...number, source })).toBe("the page does not say this");
  expect(fault("at most 8,193 samples", other)).toBe("it is 8192, not 8193");
});

test.each([
  ["8,192", 8_192],
  ["2.5", 2.5],
  ["17th", 17],
  ["4 MiB", 4_194_304],
  ["10 s", 10_000],
  ["53 weeks", 53 * 604_800_000],
])("%s is read", (words, amount) => {
  expect(amountOf(words)).toBe(amount);
});

test("a name that the code lacks, or that has two numbers, is refused", () => {
  expect(() => sourceNumber("access/key.ts#nothing")).toThrow("0 numbers have this name");
  expect(() => sourceNumber("accessor/store/database.ts#max")).toThrow("numbers have this name");
});

const flags = /^\| `(--[a-z-]+)(?:[^|\\]|\\\|)*\|(?: `[A-Z_]+` \|)? `?([^|`]+?)`? \|/gm;
const settings = read("docs/settings.md").matchAll(
  /^ {2}(--[a-z-]+) .*\[env [^\]]*?(?:default ([^\]]+))?\]$/gm,
);
const defaults = new Map([...settings].map(([, flag, value]) => [flag!, value]));

test.each(["docs/history.md", "docs/producer.md"])("defaults in %s are those of --help", (path) => {
  const rows = [...read(path).matchAll(flags)].map(([, flag, value]) => ({ flag: flag!, value }));
  const stated = rows.filter(({ value }) => /^[\dA-Za-z]*\d[\dA-Za-z]*$|^block$/.test(value!));
  expect(stated.length).toBeGreaterThan(1);
  expect(stated).toEqual(stated.map(({ flag }) => ({ flag, value: defaults.get(flag) })));
});
