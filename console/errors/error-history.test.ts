// The history of errors is read backwards: whole, each report once, whatever fails meanwhile.
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Severity } from "#gen/millrace/v1/signal_pb.ts";
import { QuerySignalsResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import { ErrorHistory } from "./error-history.ts";

const abort = new AbortController().signal;
const fromUs = 1_767_571_200_000_000;
const nowUs = fromUs + 31 * 86_400e6;
const filter = { machines: [], severities: [], code: "", codePrefix: "" };

/** Answers as the accessor does, a page of 10,000 after the other. */
function clientOf(
  stored: readonly { timeUs: number; code?: string }[],
  { fails = () => false, asked = [] as string[] }: { fails?: () => boolean; asked?: string[] } = {},
) {
  return {
    getLatest: async () => ({}) as never,
    async querySignals({ startTime, endTime, pageToken, codePrefix }: never) {
      if (fails()) throw new ConnectError("away", Code.Unavailable);
      asked.push(codePrefix);
      const [from, to] = [toTimeUs(startTime)!, toTimeUs(endTime) ?? Number.POSITIVE_INFINITY];
      const all = stored
        .filter(({ timeUs, code = "E1" }) => {
          return timeUs >= from && timeUs < to && code.startsWith(codePrefix);
        })
        .sort((a, b) => a.timeUs - b.timeUs);
      const first = Number(pageToken || 0);
      return create(QuerySignalsResponseSchema, {
        cursor: "c",
        nextPageToken: first + 10_000 < all.length ? String(first + 10_000) : "",
        signals: all.slice(first, first + 10_000).map(({ timeUs, code = "E1" }) => ({
          machine: "mill-1",
          time: toTimestamp(timeUs),
          record: { case: "errorReport" as const, value: { severity: Severity.ERROR, code } },
        })),
      });
    },
  } as never;
}

async function readAll(history: ErrorHistory): Promise<number[]> {
  const times: number[] = [];
  for (let failures = 0; !history.isWhole && !history.isFull; )
    try {
      for (const { timeUs } of await history.older(abort)) times.push(timeUs);
    } catch {
      failures += 1;
      if (failures > 1_000) throw new Error("it fails for ever");
    }
  return times;
}

test("the history is whole, each report once, however they are spread and whatever fails", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 31 * 86_400 + 5 }), { maxLength: 80 }),
      fc.array(fc.boolean(), { maxLength: 30 }),
      fc.boolean(),
      async (seconds, failures, isLive) => {
        const stored = seconds.map((s) => ({ timeUs: fromUs + s * 1e6 }));
        const waiting = [...failures];
        const history = new ErrorHistory({
          client: clientOf(stored, { fails: () => waiting.pop() ?? false }),
          filter,
          fromUs,
          toUs: isLive ? undefined : nowUs,
          nowUs,
        });
        const expected = stored
          .map(({ timeUs }) => timeUs)
          // A live range has what a clock that is ahead has sent.
          .filter((timeUs) => isLive || timeUs < nowUs)
          .sort((a, b) => b - a);
        expect(await readAll(history)).toEqual(expected);
        expect(history.cursor).toBe("c");
      },
    ),
    { numRuns: 60 },
  );
});

test("of more than fit, the newest are read, and no piece is held for nothing", async () => {
  // 120,000 in the last hour.
  const stored = Array.from({ length: 120_000 }, (_, at) => ({ timeUs: nowUs - 1 - at * 30_000 }));
  const client = clientOf(stored);
  const history = new ErrorHistory({ client, filter, fromUs, toUs: undefined, nowUs });
  const times = await readAll(history);
  expect(history.isFull).toBe(true);
  expect(times.length).toBeLessThan(70_000);
  expect(times).toEqual(stored.slice(0, times.length).map(({ timeUs }) => timeUs));
});

test("a code is that code, and not one that begins like it", async () => {
  const stored = ["E1", "E10", "E1"].map((code, at) => ({ timeUs: nowUs - 1 - at, code }));
  const asked: string[] = [];
  const history = new ErrorHistory({
    client: clientOf(stored, { asked }),
    filter: { ...filter, code: "E1" },
    fromUs,
    toUs: nowUs,
    nowUs,
  });
  expect(await readAll(history)).toEqual([nowUs - 1, nowUs - 3]);
  expect(new Set(asked)).toEqual(new Set(["E1"]));
});
