// Answers at the edges of roll-ups and blocks: samples just outside affect the window, and a window
// may end at a sample.
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { Examiner, type Question } from "../testing/answers.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory, tickUs } from "../testing/history.ts";
import type { RawRecord } from "../testing/records.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const hourUs = 3_600_000_000;
const firstUs = Date.UTC(2026, 0, 7, 8) * 1000;

async function power(records: RawRecord[], timesUs: readonly number[]): Promise<void> {
  const pairs = timesUs.map((timeUs) => [timeUs, 60] as const);
  const { revision } = await history.ingest({
    machine: "a",
    samples: [{ ...column("power", pairs), unit: "W" }],
  });
  for (const [position, timeUs] of timesUs.entries())
    records.push({
      machine: "a",
      signal: "power",
      timeUs,
      revision,
      position,
      value: 60,
      text: "",
    });
}

async function settle(records: RawRecord[]): Promise<void> {
  const tick = {
    machine: "a",
    signal: "error",
    timeUs: tickUs,
    position: 0,
    value: 1,
    text: "tick",
  };
  records.push({ ...tick, revision: await history.settle() });
}

const ask = (
  records: readonly RawRecord[],
  question: Pick<Question, "fromUs" | "toUs" | "widthUs" | "parts">,
) =>
  new Examiner(history, {
    records,
    revision: records.at(-1)!.revision,
    question: { ...question, pageSize: 10, points: 3, state: 1 },
  }).run();

for (const [where, timeUs] of [
  ["before", firstUs - 500_000],
  ["after", firstUs + hourUs + 400_000],
] as const)
  test(`a sample that waits just ${where} an hour that is rolled up draws its line into it`, async () => {
    const records: RawRecord[] = [];
    const { revision } = await history.ingest({
      machine: "a",
      stateChanges: [{ time: at(firstUs - hourUs), state: MachineState.ACTIVE }],
    });
    records.push({
      machine: "a",
      signal: "state",
      timeUs: firstUs - hourUs,
      revision,
      position: 0,
      value: 1,
      text: "",
    });
    await power(records, [firstUs + 200_000, firstUs + 400_000, firstUs + hourUs - 300_000]);
    await settle(records);
    await power(records, [timeUs]);
    const window = { fromUs: firstUs, toUs: firstUs + hourUs };
    await ask(records, { ...window, widthUs: hourUs, parts: ["summaries", "buckets"] });
    await ask(records, {
      ...window,
      fromUs: firstUs - 2 * hourUs,
      widthUs: hourUs,
      parts: ["summaries", "buckets"],
    });
  });

test("a window that ends at a block's first or last sample, and one that begins there", async () => {
  const records: RawRecord[] = [];
  await power(records, [firstUs + 1_000, firstUs + 2_000, firstUs + 3_000]);
  await power(records, [firstUs + 60_000_000]);
  await settle(records);
  for (const edgeUs of [1_000, 3_000, 60_000_000].map((us) => firstUs + us))
    for (const offUs of [-1, 0, 1]) {
      const asked = { widthUs: 1_500, parts: ["ranges", "pages", "buckets", "summaries"] as const };
      await ask(records, { ...asked, fromUs: edgeUs + offUs - 4_500, toUs: edgeUs + offUs });
      await ask(records, { ...asked, fromUs: edgeUs + offUs, toUs: edgeUs + offUs + 4_500 });
      await ask(records, {
        ...asked,
        widthUs: 4_500,
        fromUs: edgeUs + offUs - 4_500,
        toUs: edgeUs + offUs,
      });
    }
});
