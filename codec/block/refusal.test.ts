// What is no block, or no column, is refused with a reason; broken bytes never crash, hang or grow.
import { describe, expect, it } from "vitest";
import { bitsOf, createDraw, drawColumn } from "../testing/column-kinds.ts";
import { BlockError, type BlockErrorReason } from "./block-error.ts";
import { decodeBlock, decodeBlockInto } from "./decode.ts";
import { encodeBlock } from "./encode.ts";
import { readBlockHeader } from "./header.ts";

function reasonOf(run: () => unknown): BlockErrorReason | "none" {
  try {
    run();
  } catch (error) {
    if (error instanceof BlockError) return error.reason;
    throw error;
  }
  return "none";
}

const small = encodeBlock({
  timesUs: Float64Array.of(1000, 2000, 3000),
  values: Float64Array.of(1.5, 2.5, 2.5),
});

const blocks = [
  { times: "grid", values: "decimals of 1 digits", count: 300 },
  { times: "grid with holes", values: "decimals with -0", count: 700 },
  { times: "jitter", values: "full mantissa", count: 140 },
  { times: "jitter and holes", values: "spiky decimals", count: 500 },
  { times: "days apart", values: "float32 about 0", count: 90 },
  { times: "many holes", values: "steps of 0.25", count: 260 },
  { times: "milliseconds", values: "constant", count: 129 },
].map((kind, i) => encodeBlock(drawColumn({ ...kind, seed: i })));

/** Decodes bytes that may be broken: a BlockError, or as many sorted samples as the header says. */
function decodeBroken(bytes: Uint8Array): boolean {
  try {
    const { timesUs, values } = decodeBlock(bytes);
    const head = readBlockHeader(bytes);
    if (timesUs.length !== head.count || values.length !== head.count)
      throw new Error("the count is wrong");
    if (timesUs[0] !== head.firstUs || timesUs.at(-1) !== head.lastUs)
      throw new Error("the span is wrong");
    for (let i = 1; i < timesUs.length; i++) {
      if (!(timesUs[i]! >= timesUs[i - 1]!) || !Number.isSafeInteger(timesUs[i]))
        throw new Error("times are unsorted");
    }
    return true;
  } catch (error) {
    if (error instanceof BlockError) return false;
    throw error;
  }
}

describe("decodeBlock", () => {
  it("survives 30,000 mutations", () => {
    const draw = createDraw(11);
    const any = (n: number) => Math.floor(draw() * n);
    let refused = 0;
    for (let round = 0; round < 30_000; round++) {
      const source = blocks[any(blocks.length)]!;
      let bytes = source.slice();
      // Half of the mutations hit the first 40 bytes, where the structure is.
      const place = () => any(draw() < 0.5 ? Math.min(40, bytes.length) : bytes.length);
      const kind = any(5);
      if (kind === 0) bytes[place()]! ^= 1 << any(8);
      else if (kind === 1) for (let i = 0; i <= any(6); i++) bytes[place()] = any(256);
      else if (kind === 2) bytes = bytes.slice(0, place());
      else if (kind === 3)
        bytes = Uint8Array.of(...bytes.slice(0, place()), ...bytes.slice(place()));
      else bytes.fill(draw() < 0.5 ? 0xff : 0, place(), place());
      if (!decodeBroken(bytes)) refused++;
    }
    expect(refused).toBeGreaterThan(10_000);
    // What the broken blocks left in the shared scratch memory must not show.
    const column = drawColumn({
      times: "jitter and holes",
      values: "spiky decimals",
      count: 500,
      seed: 3,
    });
    expect(bitsOf(decodeBlock(blocks[3]!).values).equals(bitsOf(column.values))).toBe(true);
  });

  it("survives 20,000 strings of random bytes behind a plausible head", () => {
    const draw = createDraw(12);
    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from({ length: Math.floor(draw() * 200) }, () => draw() * 256);
      bytes.set([1, Math.floor(draw() * 32), 1 + Math.floor(draw() * 100)].slice(0, bytes.length));
      if (draw() < 0.7) bytes.fill(0, 8, Math.min(11, bytes.length));
      decodeBroken(bytes);
    }
  });

  it("calls every proper prefix truncated", () => {
    for (const block of blocks) {
      for (let length = 0; length < block.length; length++) {
        expect(reasonOf(() => decodeBlock(block.subarray(0, length)))).toBe("truncated");
      }
    }
  });

  it("refuses a byte behind the end", () => {
    expect(reasonOf(() => decodeBlock(Uint8Array.of(...small, 0)))).toBe("corrupt");
  });

  it("refuses another version and unknown flags", () => {
    expect(reasonOf(() => decodeBlock(small.with(0, 2)))).toBe("version");
    expect(reasonOf(() => decodeBlock(small.with(1, 32)))).toBe("corrupt");
    expect(reasonOf(() => decodeBlock(small.with(1, 12)))).toBe("corrupt");
  });

  it("refuses more samples than it was told to expect, before it allocates", () => {
    expect(reasonOf(() => decodeBlock(small, { maxCount: 2 }))).toBe("too-large");
    expect(reasonOf(() => decodeBlock(small, { maxCount: 3 }))).toBe("none");
    const huge = Uint8Array.of(1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, ...small.subarray(3));
    expect(reasonOf(() => decodeBlock(huge, { maxCount: 2 ** 40 }))).toBe("too-large");
  });

  it("refuses a target without room", () => {
    const target = { timesUs: new Float64Array(5), values: new Float64Array(5) };
    expect(reasonOf(() => decodeBlockInto(small, target, { offset: 2 }))).toBe("none");
    expect(reasonOf(() => decodeBlockInto(small, target, { offset: 3 }))).toBe("no-room");
    expect(reasonOf(() => decodeBlockInto(small, target, { offset: -1 }))).toBe("no-room");
  });
});

describe("readBlockHeader", () => {
  it("tells count, span and kinds without the body", () => {
    const column = drawColumn({ times: "jitter", values: "full mantissa", count: 140, seed: 2 });
    expect(readBlockHeader(blocks[2]!.subarray(0, 26))).toEqual({
      version: 1,
      count: 140,
      firstUs: column.timesUs[0],
      lastUs: column.timesUs[139],
      regular: false,
      valueKind: "pattern",
    });
    expect(readBlockHeader(Buffer.from(small))).toEqual({
      version: 1,
      count: 3,
      firstUs: 1000,
      lastUs: 3000,
      regular: true,
      valueKind: "decimal",
    });
  });

  it("refuses what is no head", () => {
    expect(reasonOf(() => readBlockHeader(new Uint8Array()))).toBe("truncated");
    expect(reasonOf(() => readBlockHeader(small.subarray(0, 12)))).toBe("truncated");
    expect(reasonOf(() => readBlockHeader(small.with(2, 0)))).toBe("corrupt");
    expect(reasonOf(() => readBlockHeader(small.with(10, 0x7f)))).toBe("corrupt");
    expect(reasonOf(() => readBlockHeader(Uint8Array.of(1, 0, 0x81, 0x80, 0x04)))).toBe(
      "too-large",
    );
  });
});

describe("encodeBlock", () => {
  const refuse = (timesUs: number[], values = timesUs.map(() => 1)) =>
    reasonOf(() =>
      encodeBlock({ timesUs: Float64Array.from(timesUs), values: Float64Array.from(values) }),
    );

  it("refuses columns that break their contract", () => {
    expect(refuse([])).toBe("invalid-column");
    expect(refuse([1, 2], [1])).toBe("invalid-column");
    expect(refuse([2, 1])).toBe("invalid-column");
    expect(refuse([1, 5, 4, 9])).toBe("invalid-column");
    expect(refuse([1.5])).toBe("invalid-column");
    expect(refuse([1, 2.5, 4])).toBe("invalid-column");
    expect(refuse([1, 2, 4, 4.5, 6, 9])).toBe("invalid-column");
    expect(refuse([Number.NaN])).toBe("invalid-column");
    expect(refuse([1, Number.NaN, 3])).toBe("invalid-column");
    expect(refuse([1, Number.POSITIVE_INFINITY])).toBe("invalid-column");
    expect(refuse([2 ** 53])).toBe("invalid-column");
    expect(refuse([-(2 ** 53) + 1, 2 ** 53 - 1])).toBe("invalid-column");
  });

  it("refuses more than 65,536 samples", () => {
    expect(refuse(Array.from({ length: 65_537 }, (_, i) => i))).toBe("too-large");
  });
});
