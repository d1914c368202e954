// Bytes as lines: the same however they are cut, bounded, and a word for what is no text.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readRows, type SourceRow } from "./source-rows.ts";
import { readLines } from "./text-lines.ts";

async function* cut(bytes: Uint8Array, edges: readonly number[]) {
  const at = [
    ...new Set([0, ...edges.map((edge) => edge % (bytes.length + 1)), bytes.length]),
  ].sort((a, b) => a - b);
  for (const [i, end] of at.slice(1).entries()) yield bytes.subarray(at[i], end);
}

test("lines are the same however their bytes are cut", async () => {
  const text = fc.array(
    fc.string({ unit: fc.constantFrom("a", "ö", "😀", "\n", "\r\n", " "), maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(200)), async (parts, edges) => {
      const bytes = Buffer.from(parts.join(""));
      const lines = [];
      for await (const some of readLines(cut(bytes, edges))) lines.push(...some);
      const whole = bytes.toString().split("\n");
      if (whole.at(-1) === "") whole.pop();
      expect(lines).toEqual(whole.map((line, i) => ({ number: i + 1, text: line })));
    }),
  );
});

test("a line that is too long is skipped whole, wherever it is cut", async () => {
  const bytes = Buffer.from("ok\nxxxxxxxxxyyy\nfine\nzzzzzzzzzz");
  for (const edges of [[], [5, 8, 12]]) {
    const texts = [];
    for await (const some of readLines(cut(bytes, edges), { maxCharacters: 4 }))
      texts.push(...some);
    expect(texts.map(({ text }) => text)).toEqual(["ok", undefined, "fine", undefined]);
  }
});

test("each line that is not blank stands for a row, read or not", async () => {
  const line = fc.string({ unit: fc.constantFrom("a", '"', ",", " "), maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
      const rows: SourceRow[] = [];
      const bytes = Buffer.from(["machine,signal,time", ...lines].join("\n"));
      for await (const some of readRows(cut(bytes, [7, 40]))) rows.push(...some);
      let next = 2;
      for (const row of rows) {
        // What lies between is blank, or belongs to a row that could be read.
        expect(row.line).toBeGreaterThanOrEqual(next);
        next = row.line + row.lines;
      }
      expect(next).toBeLessThanOrEqual(lines.length + 2);
    }),
  );
});

test("times of NDJSON are the digits that were written", async () => {
  const times = [
    "1110000000000.0029999999999",
    "1772352000123456999",
    "1772352000000",
    '"2026-03-01"',
    "1e30",
  ];
  const text = times.map((time) => `{"time":${time},"value":1.5}\n`).join("");
  const rows: SourceRow[] = [];
  for await (const some of readRows(cut(Buffer.from(text), []))) rows.push(...some);
  expect(rows.map(({ row }) => (row as { time: unknown }).time)).toEqual([
    "1110000000000.0029999999999",
    "1772352000123456999",
    1_772_352_000_000,
    "2026-03-01",
    1e30,
  ]);
});
