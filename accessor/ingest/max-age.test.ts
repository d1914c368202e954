// How old records may be: a bound of the accessor's, which a shorter retention narrows and a
// setting lifts.
import { expect, onTestFinished, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { readSettings } from "../../runtime/config.ts";
import { accessorSettings } from "../config.ts";
import { oldestTaken, toRetention } from "../domain/retention.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { at, column } from "../testing/batches.ts";

const dayMs = 86_400_000;
const history = {
  compactIntervalMs: 3_600_000,
  logWindowMs: dayMs,
  maxLogBytes: 2 ** 34,
  rollupRetentionMs: undefined,
};

/** What an accessor says of a sample, a state and an error of 1970-01-01. */
async function send(maxAgeMs: number | undefined, retentionMs?: number) {
  const accessor = await openTestAccessor({ history: { ...history, retentionMs, maxAgeMs } });
  onTestFinished(() => accessor[Symbol.asyncDispose]());
  const batch = {
    machine: "m",
    samples: [column("power", [[1_000_000, 5]])],
    stateChanges: [{ time: at(1_000_000), state: MachineState.IDLE }],
    errorReports: [{ time: at(1_000_000), severity: Severity.INFO, code: "E" }],
  };
  const { result } = await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  return result!.verdicts;
}

test("what is older is refused, and the verdict says what bound holds and how older data comes in", async () => {
  const verdicts = await send(366 * dayMs);
  expect(verdicts.map(({ reason }) => reason)).toEqual(Array(3).fill(ErrorReason.TIME_TOO_OLD));
  for (const { message, retryable } of verdicts) {
    expect(message).toMatch(
      /^1970-01-01T00:00:01\.000Z is older than \d{4}-.*--max-age unlimited$/,
    );
    expect(retryable).toBe(false);
  }
});

test("with the bound lifted any time since 1970 is taken", async () => {
  expect(await send(Number.POSITIVE_INFINITY)).toEqual([]);
});

test("retention that is shorter goes first, and says so", async () => {
  const [verdict] = await send(366 * dayMs, 10 * dayMs);
  expect(verdict!.message).toContain("the limit set by retention");
  const nowUs = 1e15;
  const of = (maxAgeMs: number) =>
    oldestTaken(toRetention(10 * dayMs, []), { signal: "power", maxAgeMs, nowUs });
  expect(of(11 * dayMs)).toEqual({ oldestUs: nowUs - 10 * dayMs * 1000, because: "retention" });
  expect(of(9 * dayMs)).toEqual({ oldestUs: nowUs - 9 * dayMs * 1000, because: "age" });
});

test("the bound is a year by default, and has a word for none", () => {
  const read = (words: string[]) =>
    readSettings({ name: "a", about: "", settings: { maxAge: accessorSettings.maxAgeMs } }, words)
      .maxAge;
  expect(read([])).toBe(366 * dayMs);
  expect(read(["--max-age", "unlimited"])).toBe(Number.POSITIVE_INFINITY);
  expect(read(["--max-age", "9000d"])).toBe(9_000 * dayMs);
  expect(() => read(["--max-age", "for ever"])).toThrow("unlimited");
});
