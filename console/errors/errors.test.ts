// Errors: the filter of the address, the history read backwards, live rows among the others.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Severity } from "#gen/millrace/v1/signal_pb.ts";
import { QuerySignalsResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { ErrorSummarySchema } from "#gen/millrace/v1/summary_pb.ts";
import { toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import { sumOf } from "./counts.ts";
import { matchesRequest, readFilter } from "./error-filter.ts";
import { ErrorHistory, withFresh } from "./error-history.ts";

const abort = new AbortController().signal;
const fromUs = 1_767_571_200_000_000;
const report = (timeUs: number) => ({
  machine: "mill-1",
  timeUs,
  severity: Severity.ERROR,
  code: "E1",
  message: "",
});

test("the history is read backwards, whole and each report once, however reports are spread", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 30 * 86_400 }), { maxLength: 80 }),
      async (seconds) => {
        const stored = seconds.sort((a, b) => a - b).map((s) => fromUs + s * 1e6);
        const toUs = fromUs + 31 * 86_400e6;
        const client = {
          getLatest: async () => ({}) as never,
          async querySignals({ startTime, endTime }: never) {
            const [from, to] = [toTimeUs(startTime)!, toTimeUs(endTime)!];
            return create(QuerySignalsResponseSchema, {
              cursor: "c",
              signals: stored
                .filter((timeUs) => timeUs >= from && timeUs < to)
                .map((timeUs) => ({
                  machine: "mill-1",
                  time: toTimestamp(timeUs),
                  record: {
                    case: "errorReport" as const,
                    value: { severity: Severity.ERROR, code: "E1" },
                  },
                })),
            });
          },
        };
        const filter = { machines: [], severities: [], code: "", text: "" };
        const history = new ErrorHistory({ client: client as never, filter, fromUs, toUs });
        const rows = [];
        while (!history.isWhole) rows.push(await history.older(abort));
        expect(rows.flat().map(({ timeUs }) => timeUs)).toEqual(stored.toReversed());
        expect(history.cursor).toBe("c");
      },
    ),
    { numRuns: 40 },
  );
});

test("live reports come newest first, also late ones", () => {
  const time = fc.integer({ min: 0, max: 50 });
  fc.assert(
    fc.property(fc.array(time), fc.array(time), (held, fresh) => {
      const rows = held.sort((a, b) => b - a).map(report);
      const merged = withFresh(rows, fresh.map(report));
      expect(merged.map(({ timeUs }) => timeUs)).toEqual([...held, ...fresh].sort((a, b) => b - a));
    }),
  );
});

test("the filter is what the address says, in REST's words", () => {
  const filter = readFilter(
    new URLSearchParams("machine=a&machine=b&severity=ERROR&severity=NONSENSE&code_prefix=E"),
  );
  expect(filter).toEqual({
    machines: ["a", "b"],
    severities: [Severity.ERROR],
    code: "E",
    text: "",
  });
  expect(matchesRequest({ ...report(0), machine: "a" }, filter)).toBe(true);
  expect(matchesRequest({ ...report(0), machine: "c" }, filter)).toBe(false);
  expect(matchesRequest({ ...report(0), machine: "a", code: "W1" }, filter)).toBe(false);
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
