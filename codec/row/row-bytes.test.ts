// Rows as bytes: any number and any time reads back as it was, and no chunk is written to while
// another has it.
import fc from "fast-check";
import { expect, test } from "vitest";
import { toJsonText } from "./json-text.ts";
import { RowBytes } from "./row-bytes.ts";
import { formatTime } from "./time-text.ts";

const timeUs = fc.integer({ min: -62_135_596_800_000_000, max: Number.MAX_SAFE_INTEGER });
const readings = fc
  .tuple(fc.integer({ min: -(2 ** 33), max: 2 ** 33 }), fc.nat(8))
  .map(([n, places]) => n / 10 ** places);
const numbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  readings,
  fc.constantFrom(
    0,
    -0,
    5e-324,
    1.7976931348623157e308,
    2 ** 31,
    2 ** 31 - 1,
    -(2 ** 31),
    1e21,
    1e-7,
    0.0001,
    0.00005,
    0.1 + 0.2,
  ),
);

test("rows are written as JSON and the time's own text would be, in chunks of any size", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(timeUs, numbers), { maxLength: 60 }),
      fc.integer({ min: 160, max: 1_000 }),
      (samples, chunkBytes) => {
        const rows = new RowBytes({ chunkBytes });
        const shape = { head: Buffer.from("<"), middle: Buffer.from("|"), end: Buffer.from(">\n") };
        let written = "";
        const take = () => {
          const taken = rows.take();
          expect(taken.length).toBeLessThanOrEqual(chunkBytes);
          written += taken.toString("latin1");
          rows.giveBack(taken);
        };
        for (const [time, value] of samples) {
          if (rows.isFull(shape)) take();
          rows.sample(shape, time, value);
        }
        take();
        expect(written).toBe(
          samples
            .map(([time, value]) => `<${formatTime(BigInt(time))}|${toJsonText(value)}>\n`)
            .join(""),
        );
        for (const [i, line] of written.split("\n").slice(0, -1).entries()) {
          expect(Object.is(JSON.parse(line.split("|")[1]!.slice(0, -1)), samples[i]![1])).toBe(
            true,
          );
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test("a chunk that was handed out is not written to before it is given back", () => {
  const rows = new RowBytes({ chunkBytes: 200 });
  const shape = { head: Buffer.from("a"), middle: Buffer.from("b"), end: Buffer.from("c") };
  const chunks = [1, 2, 3].map((value) => {
    rows.sample(shape, 0, value);
    return rows.take();
  });
  expect(chunks.map(String)).toEqual([1, 2, 3].map((value) => `a1970-01-01T00:00:00Zb${value}c`));
  rows.giveBack(chunks[0]!);
  rows.take();
  expect(rows.take().buffer === chunks[0]!.buffer).toBe(true);
});
