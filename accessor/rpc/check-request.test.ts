// Ranges come out as microseconds that can be computed with, whatever years the contract allows.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { QuerySignalsRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { Failure } from "../domain/failure.ts";
import { checkRules, toTimeRange, toTimeUs } from "./check-request.ts";

const time = (iso: string) => ({
  $typeName: "google.protobuf.Timestamp" as const,
  seconds: BigInt(Date.parse(iso) / 1000),
  nanos: 0,
});

test("a range beyond what numbers hold exactly is empty, not wrong", () => {
  const { fromUs, toUs } = toTimeRange(time("9998-01-01T00:00:00Z"), time("9999-01-01T00:00:00Z"));
  expect(toUs - fromUs).toBe(1);
  expect(toTimeRange(time("9998-01-01T00:00:00Z"), undefined).fromUs).toBe(
    Number.MAX_SAFE_INTEGER - 1,
  );
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
  expect(range).toEqual({
    fromUs: Date.parse("2026-01-01T00:00:00Z") * 1000,
    toUs: Number.MAX_SAFE_INTEGER,
  });
});

test("open ends stay open towards the past and end where numbers do towards the future", () => {
  expect(toTimeRange(undefined, undefined)).toEqual({
    fromUs: Number.NEGATIVE_INFINITY,
    toUs: Number.MAX_SAFE_INTEGER,
  });
});

test("a range without a microsecond in it is refused, one with a single one is not", () => {
  const start = time("2026-01-01T00:00:00Z");
  const refused = expect.objectContaining({ reason: "TIME_RANGE_INVALID" });
  const failureOf = (end: typeof start) => {
    try {
      return toTimeRange(start, end);
    } catch (error) {
      return error;
    }
  };
  expect(failureOf(start)).toEqual(refused);
  // Both are the same microsecond.
  expect(failureOf({ ...start, nanos: 0 })).toEqual(refused);
  expect(failureOf({ ...start, nanos: 1 })).toMatchObject({ fromUs: expect.any(Number) });
});

test("years 1 to 9999 are taken to their first and last second, and no further", () => {
  const at =
    (seconds: bigint, nanos = 0) =>
    () =>
      toTimeUs("start_time", { ...time("2026-01-01T00:00:00Z"), seconds, nanos });
  const [first, last] = [-62_135_596_800n, 253_402_300_799n];
  expect([at(first)(), at(last)()]).toEqual([Number(first) * 1e6, Number(last) * 1e6]);
  expect(at(last, 999_999_999)()).toBe(Number(last + 1n) * 1e6);
  for (const beyond of [at(first - 1n), at(last + 1n), at(0n, -1), at(0n, 1_000_000_000)])
    expect(beyond).toThrow("outside years 1 to 9999");
});

test("each field that breaks a rule is told", () => {
  const request = create(QuerySignalsRequestSchema, {
    machines: Array(1_001).fill("a"),
    pageSize: 10_001,
  });
  let failure: unknown;
  try {
    checkRules(QuerySignalsRequestSchema, request);
  } catch (error) {
    failure = error;
  }
  expect(failure).toBeInstanceOf(Failure);
  const { violations, metadata } = failure as Failure;
  expect(violations.map(({ field }) => field)).toEqual(["signal", "machines", "page_size"]);
  expect(metadata).toEqual({ field: "signal" });
});
