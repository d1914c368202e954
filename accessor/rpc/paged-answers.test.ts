// Pages of newest records, sums and lists are, joined, the answer in one piece: at any size, and
// whatever is committed in between.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { at, type BatchInit, epochUs, grid } from "../testing/batches.ts";

let accessor: TestAccessor;
let sequence = 0n;
const machines = Array.from({ length: 7 }, (_, i) => `mill-${i}`);

async function send(machine: string, signals: readonly string[]): Promise<void> {
  sequence++;
  const batch: BatchInit = {
    machine,
    samples: signals.map((signal) => grid(signal, epochUs, [Number(sequence), 2, 3])),
    errorReports: [{ time: at(epochUs), severity: 2, code: `E${sequence}`, message: "" }],
    stateChanges: [{ time: at(epochUs), state: 1, reason: "" }],
  };
  await accessor.ingest.ingestBatch({ producerId: "p", sequence, batch });
}

beforeAll(async () => {
  accessor = await openTestAccessor();
  for (const machine of machines) await send(machine, ["power", "heat"]);
});
afterAll(() => accessor[Symbol.asyncDispose]());

type Paged = { pageSize: number; pageToken: string };
type Page = { items: object[]; nextPageToken: string; cursor: string };

const window = { startTime: at(epochUs), endTime: at(epochUs + 3_600e6) };
const points = { case: "points" as const, value: 3 };
const asked: Record<string, (page: Paged) => Promise<Page>> = {
  latest: async (page) => {
    const { signals: items, ...rest } = await accessor.signals.getLatest({ machines, ...page });
    return { items, ...rest };
  },
  buckets: async (page) => {
    const request = {
      signals: ["power", "heat"],
      machines,
      ...window,
      resolution: points,
      ...page,
    };
    const { series: items, ...rest } = await accessor.signals.aggregateSamples(request);
    return { items, ...rest };
  },
  "buckets of an open window, as many as by default": async (page) => {
    const request = { signals: ["power", "heat"], startTime: at(epochUs), ...page };
    const { series: items, ...rest } = await accessor.signals.aggregateSamples(request);
    return { items, ...rest };
  },
  "summaries of an open window": async (page) => {
    const { machines: items, ...rest } = await accessor.signals.summarizeMachines({
      machines,
      startTime: at(epochUs),
      ...page,
    });
    return { items, ...rest };
  },
  "states of an open window, as many as by default": async (page) => {
    const { machines: items, ...rest } = await accessor.signals.aggregateStates({
      startTime: at(epochUs),
      ...page,
    });
    return { items, ...rest };
  },
  "states by day": async (page) => {
    const resolution = { case: "daysInTimeZone" as const, value: "UTC" };
    const { machines: items, ...rest } = await accessor.signals.aggregateStates({
      ...window,
      resolution,
      ...page,
    });
    return { items, ...rest };
  },
  signals: async (page) => {
    const { signals: items, nextPageToken } = await accessor.signals.listSignals({
      machines,
      ...page,
    });
    return { items, nextPageToken, cursor: "" };
  },
};

test.each(Object.keys(asked))("%s", { timeout: 60_000 }, async (name) => {
  const ask = asked[name]!;
  for (const pageSize of [1, 2, 3, 5, 100]) {
    const whole = await ask({ pageSize: 0, pageToken: "" });
    expect([whole.items.length > 3, whole.nextPageToken]).toEqual([true, ""]);
    const items: object[] = [];
    let pageToken = "";
    do {
      const page = await ask({ pageSize, pageToken });
      expect(page.items.length).toBeLessThanOrEqual(pageSize);
      expect(page.cursor).toBe(whole.cursor);
      for (const item of page.items) items.push(item);
      pageToken = page.nextPageToken;
      // Of a machine that the open questions see, if they are asked anew.
      if (pageToken !== "" && name !== "signals") await send("mill-3", ["power"]);
    } while (pageToken !== "");
    expect(items).toEqual(whole.items);
  }
});

test("a token is good for its own question only", async () => {
  const { nextPageToken: pageToken } = await accessor.signals.getLatest({ machines, pageSize: 1 });
  await expect(accessor.signals.getLatest({ pageToken })).rejects.toThrow("another query");
  await expect(accessor.signals.summarizeMachines({ ...window, pageToken })).rejects.toThrow(
    "another query",
  );
});
