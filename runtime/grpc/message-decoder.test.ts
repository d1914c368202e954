// Messages come out as they were sent, wherever their frames are cut, and little is kept meanwhile.
import fc from "fast-check";
import { expect, test } from "vitest";
import { headBytes } from "./frame.ts";
import { MessageDecoder } from "./message-decoder.ts";

function framed(message: Uint8Array, compressedFlag = 0): Buffer {
  const head = Buffer.alloc(headBytes, compressedFlag);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The bytes in pieces of these lengths, in turn. */
function* cut(bytes: Buffer, lengths: readonly number[]) {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = at + lengths[i % lengths.length]!;
    yield bytes.subarray(at, end);
    at = end;
  }
}

test("any messages come out whole and in order, however they are cut, with little kept for the rest", () => {
  const message = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(0, 1));
  const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), lengths, (messages, cuts) => {
      const sent = messages.map(([bytes, flag]) => framed(bytes, flag));
      const decoder = new MessageDecoder(300);
      const got: Buffer[] = [];
      let come = 0;
      for (const piece of cut(Buffer.concat(sent), cuts)) {
        come += piece.length;
        for (const whole of decoder.write(piece)) {
          got.push(whole);
          come -= whole.length;
          expect(whole.buffer.byteLength).toBe(whole.length);
        }
        // come: of the message that is not whole.
        expect(decoder.keptBytes).toBeLessThanOrEqual(come > headBytes ? 2 * come : 0);
        const next = messages[got.length];
        const begun =
          come < headBytes ? undefined : { bytes: next![0].length, isCompressed: next![1] === 1 };
        expect(decoder.begun).toEqual(begun);
      }
      expect(got).toEqual(sent);
    }),
  );
});

test("a message in frames of sixteen bytes never takes more than twice what has come of it", () => {
  const decoder = new MessageDecoder(4_194_304);
  const sent = framed(Buffer.alloc(100_000, 7));
  let come = 0;
  const got: Buffer[] = [];
  for (const piece of cut(sent, [16])) {
    for (const whole of decoder.write(piece)) got.push(whole);
    come += piece.length;
    expect(decoder.keptBytes).toBeLessThanOrEqual(2 * come);
  }
  expect(got).toEqual([sent]);
  expect(decoder.keptBytes).toBe(0);
});

test("a message that has room has all of its memory at once", () => {
  const decoder = new MessageDecoder(4_194_304);
  const sent = framed(Buffer.alloc(100_000, 7));
  decoder.write(sent.subarray(0, 100));
  decoder.grant();
  decoder.write(sent.subarray(100, 200));
  expect(decoder.keptBytes).toBe(sent.length);
  expect(decoder.write(sent.subarray(200))).toEqual([sent]);
  // The next one has none yet.
  decoder.write(sent.subarray(0, 100));
  decoder.write(sent.subarray(100, 101));
  expect(decoder.keptBytes).toBeLessThanOrEqual(202);
});

test("a length beyond the bound is refused before what it announces has come; what came before is not lost", () => {
  const decoder = new MessageDecoder(10);
  expect(decoder.write(framed(Buffer.alloc(10)))).toHaveLength(1);
  const tooLong = framed(Buffer.alloc(11));
  expect(decoder.write(tooLong.subarray(0, 4))).toEqual([]);
  expect(decoder.isTooLarge).toBe(false);
  expect(() => decoder.write(tooLong.subarray(4, 5))).toThrow("at most 10");
  expect(decoder.isTooLarge).toBe(true);
});

test("after its end it takes nothing and keeps nothing", () => {
  const decoder = new MessageDecoder(100);
  decoder.write(framed(Buffer.alloc(50)).subarray(0, 20));
  decoder.end();
  expect(decoder.keptBytes).toBe(0);
  expect(decoder.write(framed(Buffer.alloc(5)))).toEqual([]);
});
