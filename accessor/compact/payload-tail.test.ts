// A payload is kept in two columns, so that it fills the pages it lies in; nobody who reads
// notices.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { decodeBlock } from "../../codec/block/decode.ts";
import { createDraw } from "../../codec/testing/column-kinds.ts";
import { toSamples } from "../../codec/wire/samples.ts";
import { readBuckets, readPayloads } from "../store/history.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const bucketUs = Date.UTC(2025, 5, 2) * 1000;
const chunkBytes = 1_996;

/** Values of 9 bits each. */
function column(count: number) {
  const draw = createDraw(count);
  return {
    timesUs: Float64Array.from({ length: count }, (_, i) => bucketUs + i * 10_000),
    values: Float64Array.from({ length: count }, () => Math.floor(draw() * 512) / 10),
  };
}

type Stored = { payload: Buffer; tail: Buffer };

async function expectRead({ timesUs, values }: ReturnType<typeof column>): Promise<void> {
  const [series] = await history.query<{ id: number }>("select id from series");
  const headers = await readBuckets(history.database, [{ seriesId: series!.id, bucketUs }], {
    watermark: 1,
  });
  const payloads = await readPayloads(history.database, headers, { withCommits: false });
  const { payload } = payloads.get(headers[0]!.blockId)!;
  expect(decodeBlock(payload)).toEqual({ timesUs, values });
  // Some bytes more: of a value in its row the length counts too.
  expect(headers[0]!.bytes - payload.byteLength).toBeOneOf([0, 1, 4]);
  const rows = await history.query<{ value: number }>(
    "select value from millrace_v1.samples('power', '2025-06-01', '2025-06-03')",
  );
  expect(Float64Array.from(rows, ({ value }) => value)).toEqual(values);
}

it.each([
  { count: 50, wholeChunks: 0, hasTail: true },
  { count: 1_650, wholeChunks: 0, hasTail: false },
  { count: 2_500, wholeChunks: 1, hasTail: true },
  { count: 6_000, wholeChunks: 3, hasTail: true },
])(
  "$count samples come back from $wholeChunks whole chunks and a tail: $hasTail",
  async (expected) => {
    const samples = column(expected.count);
    const declaration = { signal: "power", unit: "W", maxGapUs: 1_000_000 };
    await history.ingest({ machine: "a", samples: [toSamples(declaration, samples)] });
    await history.compactAll();
    const [row] = await history.query<Stored>("select payload, tail from block");
    expect(row!.tail.byteLength > 0).toBe(expected.hasTail);
    if (expected.hasTail) expect(row!.payload.byteLength).toBe(expected.wholeChunks * chunkBytes);
    await expectRead(samples);

    // As blocks were before there was a tail.
    await history.query("update block set payload = payload || tail, tail = ''");
    await expectRead(samples);
  },
);
