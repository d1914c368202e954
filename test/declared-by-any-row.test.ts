// The declaration in one row of an upload counts for all of it, though the row itself is rejected:
// through every door, in any order, also if the rows are split into several batches.
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { type Batch, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { toDurationUs } from "../codec/timestamps.ts";
import { takeEverything } from "../gateway/testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../gateway/testing/gateway.ts";
import { sendInput } from "../producer/input/input.ts";
import { createLog } from "../runtime/log.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const head = "machine,signal,time,value,unit,max_gap,sample_type";
const row = (minute: number, value: string, declared = ",,") =>
  `saw-1,power,2026-03-01T08:${String(minute % 60).padStart(2, "0")}:00Z,${value},${declared}`;
const declared = "kW,20m,step";
const asJson = (lines: readonly string[]) =>
  lines.map((line) =>
    Object.fromEntries(line.split(",").map((cell, i) => [head.split(",")[i]!, cell])),
  );

/** The batches that each door makes of rows. */
async function throughDoors(lines: readonly string[]): Promise<Record<string, Batch[]>> {
  const came: Record<string, Batch[]> = {};
  const ndjson = `${asJson(lines)
    .map((one) => JSON.stringify(one))
    .join("\n")}\n`;
  const csv = `${[head, ...lines].join("\n")}\n`;
  for (const [type, body] of [
    ["text/csv", csv],
    ["application/x-ndjson", ndjson],
    ["application/json", JSON.stringify({ signals: asJson(lines) })],
  ] as const) {
    const taken: IngestBatchRequest[] = [];
    gateway.accessor.ingest = takeEverything(taken);
    await gateway.ask("/signals", { method: "POST", headers: { "content-type": type }, body });
    came[`POST ${type}`] = taken.map(({ batch }) => batch!);
  }
  for (const [kind, text] of Object.entries({ csv, ndjson })) {
    const sent: Batch[] = [];
    await sendInput({
      source: Readable.from([Buffer.from(text)]),
      log: createLog({ name: "test", level: "silent" }),
      abort: new AbortController().signal,
      batchIntervalMs: 60_000,
      append: async (batch) => void sent.push(batch),
    });
    came[`--input ${kind}`] = sent;
  }
  return came;
}

const declarationsOf = ({ samples }: Batch) =>
  samples.map(({ unit, maxGap, sampleType, values }) => [
    unit,
    maxGap && toDurationUs(maxGap) / 1e6,
    sampleType,
    values.length,
  ]);
const plain = (count: number) => ["", undefined, SampleType.UNSPECIFIED, count];
const said = (count: number) => ["kW", 1_200, SampleType.STEP, count];

test("a row without a value or a time that can be read still declares", async () => {
  const bad = [
    row(0, "1,2".replace(",", ";"), declared),
    row(0, "", declared),
    `saw-1,power,yesterday,1,${declared}`,
  ];
  for (const first of bad)
    for (const lines of [
      [first, row(1, "1"), row(2, "1")],
      [row(1, "1"), row(2, "1"), first],
    ])
      for (const [door, batches] of Object.entries(await throughDoors(lines)))
        expect(batches.map(declarationsOf), `${door}: ${first}`).toEqual([[plain(2), said(0)]]);
});

test("so it does for later batches, and only for what none of them says", async () => {
  const lines = [
    row(0, "x", declared),
    ...Array.from({ length: 20_001 }, (_, i) => row(i, "1", i === 2 ? "W,," : ",,")),
  ];
  for (const [door, batches] of Object.entries(await throughDoors(lines))) {
    expect(
      batches.reduce((sum, { samples }) => sum + samples.flatMap(({ values }) => values).length, 0),
    ).toBe(20_001);
    for (const [i, batch] of batches.entries()) {
      const of = declarationsOf(batch);
      const total = of.reduce((sum, [, , , count]) => sum + Number(count), 0);
      const own =
        i === 0 ? [["W", undefined, SampleType.UNSPECIFIED, 1], plain(total - 1)] : [plain(total)];
      expect(of, `${door}, batch ${i}`).toEqual([
        ...own,
        [i === 0 ? "" : "kW", 1_200, SampleType.STEP, 0],
      ]);
    }
  }
});

test("what nobody sends a record of is not declared, and other signals are left alone", async () => {
  const lines = [
    row(0, "x", declared),
    row(1, "1").replace("power", "heat"),
    row(1, "1").replace("saw-1", "saw-2"),
  ];
  for (const [door, batches] of Object.entries(await throughDoors(lines)))
    expect(batches.map(declarationsOf), door).toEqual([[plain(1)], [plain(1)]]);
});
