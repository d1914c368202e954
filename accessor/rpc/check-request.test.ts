// Ranges come out as microseconds that can be computed with, whatever years the contract allows.
import { expect, test } from "vitest";
import { toTimeRange } from "./check-request.ts";

const time = (iso: string) => ({
  $typeName: "google.protobuf.Timestamp" as const,
  seconds: BigInt(Date.parse(iso) / 1000),
  nanos: 0,
});

test("a range beyond what numbers hold exactly is empty, not wrong", () => {
  const { fromUs, toUs } = toTimeRange(time("9998-01-01T00:00:00Z"), time("9999-01-01T00:00:00Z"));
  expect(toUs - fromUs).toBe(1);
  expect(toTimeRange(time("9998-01-01T00:00:00Z"), undefined).fromUs).toBe(Number.MAX_SAFE_INTEGER - 1);
});

test("a time between two microseconds is the later one, at either end", () => {
  const exact = time("2026-01-01T00:00:00Z");
  const us = Date.parse("2026-01-01T00:00:00Z") * 1000;
  const late = { ...exact, nanos: 1 };
  expect(toTimeRange(late, undefined).fromUs).toBe(us + 1);
  expect(toTimeRange(undefined, late).toUs).toBe(us + 1);
  expect(toTimeRange(exact, { ...exact, nanos: 1_000 })).toEqual({ fromUs: us, toUs: us + 1 });
  expect(toTimeRange({ ...exact, nanos: 999_999_999 }, undefined).fromUs).toBe(us + 1_000_000);
});

test("the same before 1684", () => {
  const { fromUs, toUs } = toTimeRange(time("0001-01-01T00:00:00Z"), time("0002-01-01T00:00:00Z"));
  expect([fromUs, toUs - fromUs]).toEqual([-Number.MAX_SAFE_INTEGER, 1]);
});

test("a range across 2255 keeps its start", () => {
  const range = toTimeRange(time("2026-01-01T00:00:00Z"), time("9999-01-01T00:00:00Z"));
  expect(range).toEqual({ fromUs: Date.parse("2026-01-01T00:00:00Z") * 1000, toUs: Number.MAX_SAFE_INTEGER });
});

test("open ends stay open towards the past and end where numbers do towards the future", () => {
  expect(toTimeRange(undefined, undefined)).toEqual({
    fromUs: Number.NEGATIVE_INFINITY,
    toUs: Number.MAX_SAFE_INTEGER,
  });
});
