// Failpoints do nothing until armed, and then what they are told, at the hit they are told.
import { afterEach, expect, test } from "vitest";
import { armFailpoints, failpoint } from "./failpoint.ts";

afterEach(() => armFailpoints(""));

test("not armed, or armed elsewhere, a point does nothing", () => {
  failpoint("a.b");
  armFailpoints("a.c=throw");
  failpoint("a.b");
});

test("throw throws each time, or the n-th time only", () => {
  armFailpoints("a.b=throw, c-d=throw@3");
  expect(() => failpoint("a.b")).toThrow("failpoint a.b");
  expect(() => failpoint("a.b")).toThrow("failpoint a.b");
  failpoint("c-d");
  failpoint("c-d");
  expect(() => failpoint("c-d")).toThrow("failpoint c-d");
  failpoint("c-d");
});

test("delay blocks the process", () => {
  armFailpoints("a=delay:30");
  const began = performance.now();
  failpoint("a");
  expect(performance.now() - began).toBeGreaterThanOrEqual(29);
});

test.each(["a", "a=fail", "a=delay", "a=exit@0", "A=exit", "a=exit;b=exit"])(
  "%s is refused",
  (given) => {
    expect(() => armFailpoints(given)).toThrow("MILLRACE_FAILPOINTS");
  },
);
