import { expect, test } from "vitest";
import { createHiddenValue } from "./hidden-value.ts";

test("a value belongs to its object, and is neither listed, copied nor compared", () => {
  const lengths = createHiddenValue<object, number>();
  const [one, other] = [{ name: "a" }, { name: "a" }];
  lengths.set(one, 5);
  expect(lengths.get(one)).toBe(5);
  expect(lengths.get(other)).toBeUndefined();
  expect(lengths.get({ ...one })).toBeUndefined();
  expect(Reflect.ownKeys(one)).toEqual(["name"]);
  expect(one).toEqual(other);
});

test("values of two kinds do not meet; one kind is given once", () => {
  const [lengths, names] = [
    createHiddenValue<object, number>(),
    createHiddenValue<object, string>(),
  ];
  const owner = Object.freeze({});
  lengths.set(owner, 1);
  names.set(owner, "a");
  expect([lengths.get(owner), names.get(owner)]).toEqual([1, "a"]);
  expect(() => lengths.set(owner, 2)).toThrow(TypeError);
});
