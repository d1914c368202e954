// A cursor says where it points to the database that made it, and nothing to any other.
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CursorFormat } from "./cursor.ts";
import { forkOf } from "./epochs.ts";

const ours = "6f2b1c1e-0000-4000-8000-000000000001";
const one = [{ epoch: 1, firstRevision: 1 }];
const options = { field: "after_cursor", headRevision: Number.MAX_SAFE_INTEGER };

test("any revision comes back, and another database calls it foreign", () => {
  const cursors = new CursorFormat(ours, one);
  const others = new CursorFormat(ours.replace(/1$/, "2"), one);
  fc.assert(
    fc.property(fc.maxSafeNat(), (revision) => {
      const cursor = cursors.encode(revision);
      expect(cursors.decode(cursor, options)).toBe(revision);
      expect(() => others.decode(cursor, options)).toThrow("another database");
    }),
  );
});

test("no text but a cursor is one", () => {
  const cursors = new CursorFormat(ours, one);
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(() => cursors.decode(text, options)).toThrow("not a cursor");
    }),
  );
});

test("after a restore, cursors from before the fork hold, those beyond it do not", () => {
  const before = new CursorFormat(ours, one);
  const restored = new CursorFormat(ours, [...one, { epoch: 2, firstRevision: 51 }]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100 }), (revision) => {
      const decode = () => restored.decode(before.encode(revision), options);
      if (revision <= 50) expect(decode()).toBe(revision);
      else expect(decode).toThrow("that was lost when");
      expect(restored.decode(restored.encode(revision), options)).toBe(revision);
      // One place has one cursor, also for whoever has not heard of the new epoch; beyond the fork,
      // that one cannot know what it means.
      if (revision <= 50) expect(restored.encode(revision)).toBe(before.encode(revision));
      else
        expect(() => before.decode(restored.encode(revision), options)).toThrow(
          "that was lost when",
        );
      // As versions before 0014 wrote a place below the fork.
      expect(restored.decode(asWritten(restored.encode(100), revision), options)).toBe(revision);
      expect(restored.historyAt(revision) === before.historyAt(revision)).toBe(revision <= 50);
    }),
  );
});

/** The cursor of another revision in the same epoch. */
function asWritten(cursor: string, revision: number): string {
  const body = Buffer.from(cursor, "base64url").subarray(0, -2);
  body.writeBigUInt64BE(BigInt(revision), body.length - 8);
  return Buffer.concat([body, createHash("sha256").update(body).digest().subarray(0, 2)]).toString(
    "base64url",
  );
}

test("whatever epochs come and go, a process that follows agrees with one that starts anew", () => {
  const list = fc
    .array(fc.tuple(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 60 })), {
      maxLength: 4,
    })
    .map((drawn) => {
      const numbers = [...new Set(drawn.map(([epoch]) => epoch))].sort((a, b) => a - b);
      const firsts = drawn.map(([, first]) => first).sort((a, b) => a - b);
      return [...one, ...numbers.map((epoch, i) => ({ epoch, firstRevision: firsts[i]! }))];
    });
  fc.assert(
    fc.property(list, list, fc.integer({ min: 0, max: 80 }), (before, now, revision) => {
      const ran = new CursorFormat(ours, before);
      const given = ran.encode(revision);
      ran.encode(revision + 1);
      ran.moveTo(now);
      const anew = new CursorFormat(ours, now);
      expect(ran.encode(revision)).toBe(anew.encode(revision));
      const fork = forkOf(before, now) ?? Number.POSITIVE_INFINITY;
      // What both histories have keeps its cursor, and it is good in both.
      if (revision < fork) {
        expect(ran.encode(revision)).toBe(given);
        expect(ran.decode(given, options)).toBe(revision);
      }
    }),
  );
});

test("a revision beyond the newest is in the future", () => {
  const cursors = new CursorFormat(ours, one);
  expect(() => cursors.decode(cursors.encode(8), { ...options, headRevision: 7 })).toThrow(
    "newer than the newest",
  );
});

test("a number that no commit has is not a cursor, however new the database says it is", () => {
  const cursors = new CursorFormat(ours, one);
  const made = Buffer.from(cursors.encode(1), "base64url").subarray(0, -2);
  for (const number of [2n ** 53n, 2n ** 64n - 1n]) {
    made.writeBigUInt64BE(number, 11);
    const check = createHash("sha256").update(made).digest().subarray(0, 2);
    const text = Buffer.concat([made, check]).toString("base64url");
    expect(() => cursors.decode(text, { ...options, headRevision: 2 ** 60 })).toThrow(
      "not a cursor",
    );
  }
});
