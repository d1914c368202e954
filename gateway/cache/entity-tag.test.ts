// Entity tags: the forms of If-None-Match, and which tags are valid.
import { expect, test } from "vitest";
import { digestOf, findGoodTag, formatTag } from "./entity-tag.ts";

const current = { version: "v-1_a", question: "q-2", encoding: undefined };
const tag = formatTag({ ...current, digest: "d3" });

test.each([
  [tag, tag],
  [`W/${tag}`, tag],
  [`"a", ${tag} ,"b"`, tag],
  [`"a",W/${tag}`, tag],
  // Other bytes of the same version: a moment in another notation.
  [formatTag({ ...current, digest: "other" }), formatTag({ ...current, digest: "other" })],
  ["*", "*"],
  [" * ", "*"],
  [undefined, undefined],
  ["", undefined],
  [tag.slice(1, -1), undefined],
  ['"v-1_a.q-2.d3"', undefined],
  [formatTag({ ...current, version: "v-1_b", digest: "d3" }), undefined],
  [formatTag({ ...current, question: "q-3", digest: "d3" }), undefined],
  [formatTag({ ...current, encoding: "br", digest: "d3" }), undefined],
  ['"v-1_a.q-2.x.y-plain"', undefined],
])("%s", (header, good) => {
  expect(findGoodTag(header, current)).toBe(good);
});

test("a long header is read in time", () => {
  expect(findGoodTag(`${'"a",'.repeat(4_000)}${tag}`, current)).toBe(tag);
});

test("lists that differ have digests that differ", () => {
  expect(digestOf("a", "b")).not.toBe(digestOf("ab"));
  expect(digestOf("a", "b")).not.toBe(digestOf("ab", ""));
  expect(digestOf("a", Buffer.from("b"))).toBe(digestOf("a", "b"));
});
