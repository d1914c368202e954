// The format stands still: a second decoder, written from docs/block-format.md alone, and blocks
// that must not change a byte.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Column } from "../column.ts";
import { bitsOf, drawColumn, timeKinds, valueKinds } from "../testing/column-kinds.ts";
import { decodeBlock } from "./decode.ts";
import { encodeBlock } from "./encode.ts";

const toInt32 = (value: bigint) => BigInt.asIntN(32, value);
const half = (value: bigint) => (value % 2n === 0n ? value / 2n : -(value + 1n) / 2n);

/** Decodes as the document says, one bigint at a time: no speed, no checks. */
function decodeBySpec(bytes: Uint8Array): Column {
  let at = 0;
  const u8 = () => bytes[at++]!;
  const fixed = (length: number) => {
    let value = 0n;
    for (let i = 0; i < length; i++) value |= BigInt(u8()) << BigInt(8 * i);
    return value;
  };
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const packed = (count: number, width: number) => {
    const bits = fixed(Math.ceil((count * width) / 8));
    return Array.from({ length: count }, (_, i) =>
      BigInt.asUintN(width, bits >> BigInt(i * width)),
    );
  };

  const stream = (): bigint[] => {
    const predictor = u8();
    if (predictor === 15) return Array<bigint>(n).fill(0n);
    const heads = [];
    for (let from = 0; from < n; from += 128) {
      const length = Math.min(128, n - from);
      const head = u8();
      const width = head & 63;
      const centre = head & 64 ? half(varint()) : 0n;
      const patches = new Map<number, bigint>();
      if (head & 128) {
        const count = u8();
        const patchWidth = u8();
        const positions = Array.from({ length: count }, u8);
        packed(count, patchWidth).forEach((p, i) => {
          patches.set(positions[i]!, half(BigInt.asUintN(32, p + 1n)) << BigInt(width));
        });
      }
      heads.push({
        length,
        width,
        base: centre - (width === 0 ? 0n : 1n << BigInt(width - 1)),
        patches,
      });
    }
    const out: bigint[] = [];
    let v = 0n;
    let t = 0n;
    for (const { length, width, base, patches } of heads) {
      packed(length, width).forEach((u, i) => {
        const r = toInt32(base + u + (patches.get(i) ?? 0n));
        if (predictor === 9) t = toInt32(t + r);
        const x = toInt32(predictor === 0 ? r : predictor === 9 ? v + t : v + r);
        if (predictor === 9) v = x;
        else if (predictor > 0) v = toInt32(v + (r >> BigInt(predictor - 1)));
        out.push(x);
      });
    }
    return out;
  };

  expect(u8()).toBe(1);
  const flags = u8();
  const n = Number(varint());
  const first = BigInt.asIntN(64, fixed(8));
  const span = varint();
  const timesUs = new Float64Array(n);
  if (flags & 3) {
    const unit = 10n ** BigInt(u8());
    const period = varint();
    const runs = [{ begin: 0, anchor: first }];
    if (flags & 1) {
      for (let left = varint(); left > 0n; left--) {
        const last = runs.at(-1)!;
        const begin = last.begin + Number(varint());
        runs.push({ begin, anchor: last.anchor + varint() * unit });
      }
    }
    const offsets = flags & 2 ? stream() : undefined;
    for (let i = 0, run = 0; i < n; i++) {
      if (runs[run + 1]?.begin === i) run++;
      const { begin, anchor } = runs[run]!;
      timesUs[i] = Number(anchor + unit * (BigInt(i - begin) * period + (offsets?.[i] ?? 0n)));
    }
  } else {
    for (let i = 0; i < n; i++)
      timesUs[i] = Number(n === 1 ? first : first + (BigInt(i) * span) / BigInt(n - 1));
  }

  const patterns = new BigUint64Array(n);
  const values = new Float64Array(patterns.buffer);
  if (flags & 4) {
    const head = u8();
    const lowFirst = fixed(4);
    const highFirst = fixed(4);
    const high = stream();
    const low = stream();
    for (let i = 0; i < n; i++) {
      let z =
        (BigInt.asUintN(32, highFirst + high[i]!) << 32n) | BigInt.asUintN(32, lowFirst + low[i]!);
      let sign = BigInt((head >> 6) & 1);
      if (head & 128) {
        sign = z & 1n;
        z >>= 1n;
      }
      patterns[i] = (sign << 63n) | BigInt.asUintN(63, z << BigInt(head & 63));
    }
  } else {
    const scale = 10 ** u8();
    const origin = half(varint());
    const step = flags & 8 ? varint() : 1n;
    const verbatim: [number, bigint][] = [];
    if (flags & 16) {
      let index = 0;
      for (let left = varint(); left > 0n; left--) {
        index += Number(varint());
        verbatim.push([index, fixed(8)]);
      }
    }
    stream().forEach((x, i) => {
      values[i] = Number(origin + step * x) / scale;
    });
    for (const [index, pattern] of verbatim) patterns[index] = pattern;
  }
  expect(at).toBe(bytes.length);
  return { timesUs, values };
}

function expectSame(actual: Column, expected: Column): void {
  expect(bitsOf(actual.timesUs).equals(bitsOf(expected.timesUs))).toBe(true);
  expect(bitsOf(actual.values).equals(bitsOf(expected.values))).toBe(true);
}

const documentText = readFileSync(new URL("../../docs/block-format.md", import.meta.url), "utf8");
const examples = [
  ...documentText.matchAll(
    /## Example: (.*)\n[\s\S]*?```hex\n([\s\S]*?)```[\s\S]*?```csv\n([\s\S]*?)```/g,
  ),
];

describe("the documented format", () => {
  it.each(examples.map(([, name, hex, csv]) => [name!, hex!, csv!]))(
    "has an example that holds: %s",
    (_, hex, csv) => {
      const rows = csv
        .trim()
        .split("\n")
        .map((line) => line.split(",").map(Number));
      const column = {
        timesUs: Float64Array.from(rows, (row) => row[0]!),
        values: Float64Array.from(rows, (r) => r[1]!),
      };
      const bytes = Buffer.from(hex.replaceAll(/\s/g, ""), "hex");
      expect(Buffer.from(encodeBlock(column)).toString("hex")).toBe(bytes.toString("hex"));
      expectSame(decodeBlock(bytes), column);
    },
  );

  it("has four examples", () => expect(examples.length).toBe(4));

  it("is what the encoder writes, for every kind of column", () => {
    const times = Object.keys(timeKinds);
    for (const [i, values] of Object.keys(valueKinds).entries()) {
      for (const count of [1, 2, 130, 400]) {
        const column = drawColumn({
          times: times[(i + count) % times.length]!,
          values,
          count,
          seed: i,
        });
        expectSame(decodeBySpec(encodeBlock(column)), column);
      }
    }
  });
});

describe("a stored block", () => {
  const t = 1_760_000_000_000_000;
  const spiky = Array.from({ length: 40 }, (_, i) =>
    i === 17 ? -0 : i === 5 ? 99_999.5 : [230.1, 230.3, 230.2][i % 3]!,
  );
  const curve = Array.from({ length: 20 }, (_, i) => i * i * i + 5 * i);
  const golden: [string, number[], number[], string][] = [
    ["one 0", [t], [0], "0100010000ceeeb54006000000000f"],
    ["one -0", [t], [-0], "0104010000ceeeb5400600004000000000000000000f0f"],
    ["one 0.1", [t], [0.1], "0100010000ceeeb54006000001020f"],
    [
      "not finite",
      [t, t + 10_000],
      [Number.NaN, Infinity],
      "0104020000ceeeb5400600904e33ff0f0000000000000f030101",
    ],
    ["a constant before 1970", [-9, -6, -3], [5, 5, 5], "010003f7ffffffffffffff06000a0f"],
    [
      "verbatim and patched",
      spiky.map((_, i) => t + i * 10_000),
      spiky,
      "0110280000ceeeb5400600f0e61701fa230111000000000000008000c2020113059d9c076ddfb66ddfb66ddbb66d",
    ],
    [
      "a smooth curve",
      curve.map((_, i) => t + i),
      curve,
      "0108140000ceeeb54006001300000609452020043148310725b558730f4609",
    ],
    ["equal times", [t, t, t], [1, 2, 3], "0100030000ceeeb540060000000209022e"],
  ];

  it.each(golden)("keeps its bytes: %s", (_, timesUs, values, hex) => {
    const column = { timesUs: Float64Array.from(timesUs), values: Float64Array.from(values) };
    expect(Buffer.from(encodeBlock(column)).toString("hex")).toBe(hex);
    expectSame(decodeBlock(Buffer.from(hex, "hex")), column);
    expectSame(decodeBySpec(Buffer.from(hex, "hex")), column);
  });
});
