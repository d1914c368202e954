// Records of an input gather into batches, within bounds, and reading waits for those to be taken.
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { countRecords } from "../../codec/wire/count-records.ts";
import { rowsOf, send } from "../testing/input.ts";

const timeUs = Date.UTC(2026, 2, 1, 8) * 1000;
const time = "2026-03-01T08:00:00Z";

test("records gather into batches of one machine each, within 10,000 records", async () => {
  const lines: string[] = ["machine,signal,time,value"];
  for (let i = 0; i < 30_000; i++) lines.push(`m-${i % 2},x,${timeUs / 1000 + i},${i}`);
  const { batches } = await send(lines.join("\n"));
  expect(batches.map(countRecords)).toEqual([10_000, 10_000, 5000, 5000]);
  const values = batches
    .filter(({ machine }) => machine === "m-1")
    .flatMap(({ samples }) => samples[0]!.values);
  expect(values).toEqual(Array.from({ length: 15_000 }, (_, i) => 2 * i + 1));
  expect(batches[0]!.samples[0]!.times).toMatchObject({ case: "grid", value: { periodUs: 2000n } });
});

test("long texts make smaller batches", async () => {
  const message = "ö".repeat(1024);
  const row = JSON.stringify({
    machine: "m",
    signal: "error",
    time,
    severity: "INFO",
    code: "I1",
    message,
  });
  const { batches } = await send(`${row}\n`.repeat(1000));
  expect(batches.length).toBeGreaterThan(4);
  expect(batches.reduce((sum, batch) => sum + batch.errorReports.length, 0)).toBe(1000);
});

test("reading waits while batches are not taken", async () => {
  let pulled = 0;
  const line = Buffer.from(
    `${JSON.stringify({ machine: "m", signal: "x", time, value: 1 })}\n`.repeat(1000),
  );
  function* source() {
    for (; pulled < 1000; pulled++) yield line;
  }
  const stop = new AbortController();
  const { promise: blocked, resolve: onBlocked } = Promise.withResolvers<void>();
  const sending = send(source(), {
    abort: stop.signal,
    append: () => {
      onBlocked();
      return new Promise((_, reject) =>
        stop.signal.addEventListener("abort", () => reject(stop.signal.reason)),
      );
    },
  });
  await blocked;
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  expect(pulled).toBeLessThan(100);
  stop.abort(new Error("stopped"));
  await expect(sending).rejects.toThrow("stopped");
});

test("records of an input that pauses do not wait for its end", async () => {
  const source = new Readable({ read() {} });
  const { promise: sent, resolve } = Promise.withResolvers<Batch>();
  const sending = send([], { source, batchIntervalMs: 1, append: async (batch) => resolve(batch) });
  source.push(`${JSON.stringify({ machine: "m", signal: "x", time, value: 1 })}\n`);
  expect(rowsOf([await sent])).toHaveLength(1);
  source.push(null);
  expect((await sending).summary.records).toBe(1);
});

test("a failure to send ends an input that waits for more", async () => {
  const source = new Readable({ read() {} });
  const sending = send([], {
    source,
    batchIntervalMs: 1,
    append: () => Promise.reject(new Error("no uplink")),
  });
  source.push(`${JSON.stringify({ machine: "m", signal: "x", time, value: 1 })}\n`);
  await expect(sending).rejects.toThrow("no uplink");
});
