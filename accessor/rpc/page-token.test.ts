// Page tokens: what was signed comes back; what anybody made up, of any numbers, is refused as
// theirs and never reaches a statement.
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ListStateIntervalsRequestSchema,
  QuerySignalsRequestSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { Failure } from "../domain/failure.ts";
import { decodePageToken, encodePageToken, queryHash } from "./page-token.ts";

const request = create(QuerySignalsRequestSchema, { signal: "power" });
const query = queryHash(QuerySignalsRequestSchema, {
  request,
  history: "key of one database, its history",
});
const numbers = fc.tuple(fc.maxSafeNat(), fc.maxSafeInteger(), fc.maxSafeNat(), fc.integer());
const token = ([revision, timeUs, of, position]: [number, number, number, number], nowMs = 1_000) =>
  encodePageToken({ revision, after: { timeUs, revision: of, position } }, { query, nowMs });

function reasonOf(text: string, as = query): string | undefined {
  try {
    decodePageToken(text, { query: as, nowMs: 1_000 });
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.reason;
    throw error;
  }
}

test("any place comes back", () => {
  fc.assert(
    fc.property(numbers, ([revision, timeUs, of, position]) => {
      expect(
        decodePageToken(token([revision, timeUs, of, position]), { query, nowMs: 1_000 }),
      ).toEqual({
        revision,
        after: { timeUs, revision: of, position },
      });
    }),
  );
});

test("one bit less or more, and it is none; nor is any text", () => {
  fc.assert(
    fc.property(numbers, fc.nat(), (place, at) => {
      const bytes = Buffer.from(token(place), "base64url");
      bytes[at % bytes.length]! ^= 1 << (at % 8);
      expect(reasonOf(bytes.toString("base64url"))).toBe("PAGE_TOKEN_INVALID");
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 1_024 }), (text) => reasonOf(text) === "PAGE_TOKEN_INVALID"),
  );
});

test("who knows the form and not the key cannot make one, whatever the numbers in it", () => {
  const wild = fc.oneof(
    fc.double(),
    fc.constantFrom(Number.NaN, 1e300, -1, Number.POSITIVE_INFINITY, 2 ** 53, 0.5),
  );
  // Numbers that any token may have: nothing but the signature tells these from ours.
  const sound = fc.tuple(fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat());
  const any = fc.oneof(sound, fc.tuple(wild, wild, wild));
  fc.assert(
    fc.property(
      any,
      fc.constantFrom(1, 2),
      fc.constantFrom(4, 16),
      ([a, b, c], version, checkBytes) => {
        const body = Buffer.from(token([1, 2, 3, 4]), "base64url").subarray(0, 45);
        body[0] = version;
        body.writeDoubleBE(a, 17);
        body.writeDoubleBE(b, 25);
        body.writeDoubleBE(c, 33);
        const check = createHash("sha256")
          .update("page")
          .update(body)
          .digest()
          .subarray(0, checkBytes);
        expect(reasonOf(Buffer.concat([body, check]).toString("base64url"))).toBe(
          "PAGE_TOKEN_INVALID",
        );
      },
    ),
  );
});

test("numbers that no statement takes are refused even if they were signed", () => {
  for (const wrong of [Number.NaN, 1e300, Number.POSITIVE_INFINITY, 0.5, 2 ** 53])
    for (const place of [0, 1, 2]) {
      const numbers: [number, number, number, number] = [1, 2, 3, 4];
      numbers[place] = wrong;
      expect([wrong, place, reasonOf(token(numbers))]).toEqual([
        wrong,
        place,
        "PAGE_TOKEN_INVALID",
      ]);
    }
  expect(reasonOf(token([1, 2, 3, 4], Number.NaN))).toBe("PAGE_TOKEN_INVALID");
});

test("it belongs to one request, one kind of request, one history and one key", () => {
  const of = (desc: typeof QuerySignalsRequestSchema, history: string, changes = {}) =>
    queryHash(desc, { request: { ...request, ...changes }, history });
  const history = "key of one database, its history";
  const made = token([1, 2, 3, 4]);
  expect(
    reasonOf(made, of(QuerySignalsRequestSchema, history, { pageSize: 7, pageToken: "x" })),
  ).toBeUndefined();
  expect(reasonOf(made, of(QuerySignalsRequestSchema, history, { signal: "heat" }))).toBe(
    "PAGE_TOKEN_INVALID",
  );
  expect(reasonOf(made, of(QuerySignalsRequestSchema, `other ${history}`))).toBe(
    "PAGE_TOKEN_INVALID",
  );
  const empty = { request: create(ListStateIntervalsRequestSchema), history };
  const other = { request: create(QuerySignalsRequestSchema), history };
  expect(queryHash(ListStateIntervalsRequestSchema, empty)).not.toEqual(
    queryHash(QuerySignalsRequestSchema, other),
  );
});
