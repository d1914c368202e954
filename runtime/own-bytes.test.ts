import fc from "fast-check";
import { expect, test } from "vitest";
import { joinSmall, ownBytes } from "./own-bytes.ts";

test("a small part of what was read together is kept without the rest, a large one as it is", () => {
  const read = Buffer.alloc(65_536, 7);
  const small = ownBytes(read.subarray(100, 116));
  expect(small).toEqual(Buffer.alloc(16, 7));
  expect(small.buffer.byteLength).toBe(16);
  const large = read.subarray(0, 40_000);
  expect(ownBytes(large)).toBe(large);
});

test("a list of pieces keeps its bytes in their order, in few pieces and no more memory", () => {
  const sizes = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 9_000 })),
    {
      maxLength: 400,
    },
  );
  fc.assert(
    fc.property(sizes, (lengths) => {
      let next = 0;
      const pieces: Uint8Array[] = [];
      for (const length of lengths) {
        pieces.push(Buffer.from(Array.from({ length }, () => next++ & 0xff)));
        joinSmall(pieces);
      }
      const all = Buffer.concat(pieces);
      expect(all).toEqual(Buffer.from(Array.from({ length: next }, (_, i) => i & 0xff)));
      // Those that get smaller and smaller wait for a larger one.
      expect(pieces.length).toBeLessThanOrEqual(next / 1_024 + Math.sqrt(2 * next) + 2);
    }),
  );
});

test("what is added to a list does not keep what was read with it, large or small", () => {
  const read = Buffer.alloc(65_536, 7);
  for (const length of [1, 100, 5_000, 20_000]) {
    const pieces = [read.subarray(9, 9 + length)];
    joinSmall(pieces);
    expect(pieces).toEqual([Buffer.alloc(length, 7)]);
    expect(pieces[0]!.buffer.byteLength).toBeLessThanOrEqual(2 * length);
  }
});

test("a mebibyte in pieces of sixteen bytes is kept in a few hundred", () => {
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < 65_536; i++) {
    pieces.push(Buffer.alloc(16, i));
    joinSmall(pieces);
  }
  expect(pieces.length).toBeLessThanOrEqual(256);
});

test("pieces that get smaller and smaller are joined as soon as a large one comes, which stays as it is", () => {
  const pieces: Uint8Array[] = [];
  const large = Buffer.alloc(16_384);
  for (let run = 0; run < 50; run++) {
    for (let size = 60; size > 0; size--) {
      pieces.push(Buffer.alloc(size, size));
      joinSmall(pieces);
    }
    pieces.push(large);
    joinSmall(pieces);
  }
  expect(pieces.map(({ length }) => length)).toEqual(Array(50).fill([1_830, 16_384]).flat());
  expect(pieces[1]).toBe(large);
});
