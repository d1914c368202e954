// Errors: the filter of the address, and the counts.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Severity } from "#gen/millrace/v1/signal_pb.ts";
import { ErrorSummarySchema } from "#gen/millrace/v1/summary_pb.ts";
import { sumOf } from "./counts.ts";
import { isFiltered, matchesRequest, readFilter } from "./error-filter.ts";

const report = (timeUs: number) => ({
  machine: "mill-1",
  timeUs,
  severity: Severity.ERROR,
  code: "E1",
  message: "",
});

test("the filter is what the address says, in REST's words", () => {
  const filter = readFilter(
    new URLSearchParams("machine=a&machine=b&severity=ERROR&severity=NONSENSE&code_prefix=E"),
  );
  expect(filter).toEqual({
    machines: ["a", "b"],
    severities: [Severity.ERROR],
    code: "",
    codePrefix: "E",
    text: "",
  });
  expect(matchesRequest({ ...report(0), machine: "a" }, filter)).toBe(true);
  expect(matchesRequest({ ...report(0), machine: "c" }, filter)).toBe(false);
  expect(matchesRequest({ ...report(0), machine: "a", code: "W1" }, filter)).toBe(false);
  const exact = readFilter(new URLSearchParams("code=E1"));
  expect(matchesRequest(report(0), exact)).toBe(true);
  expect(matchesRequest({ ...report(0), code: "E10" }, exact)).toBe(false);
  expect(isFiltered(exact)).toBe(true);
  expect(isFiltered(readFilter(new URLSearchParams("from=-1h")))).toBe(false);
});

test("counts of machines add up", () => {
  const summary = (code: string, count: bigint) =>
    create(ErrorSummarySchema, {
      count: count + 1n,
      otherCodes: 1n,
      byCode: [{ code, count }],
      bySeverity: [{ severity: Severity.ERROR, count: count + 1n }],
    });
  expect(sumOf([summary("B", 2n), summary("A", 2n), summary("B", 3n)])).toEqual({
    total: 10,
    otherCodes: 3,
    bySeverity: new Map([[Severity.ERROR, 10]]),
    byCode: [
      ["B", 5],
      ["A", 2],
    ],
  });
});
