// Batches of ranges state how a signal's values continue only if that is not LINEAR, from the log
// and from blocks.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Batch, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { ReadSignalsRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { column, epochUs } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());

const { UNSPECIFIED, LINEAR, STEP, COUNTER } = SampleType;
const declared = { counter: COUNTER, linear: LINEAR, plain: UNSPECIFIED, step: STEP };
const shown = { ...declared, linear: UNSPECIFIED };

const typesOf = (batches: readonly Batch[]) =>
  Object.fromEntries(
    batches.flatMap(({ samples }) => samples).map((one) => [one.signal, one.sampleType]),
  );

test("STEP and COUNTER are said, LINEAR is not", async () => {
  const samples = Object.entries(declared).map(([signal, sampleType]) => ({
    ...column(signal, [
      [epochUs, 1],
      [epochUs + 1e6, 2],
    ]),
    sampleType,
  }));
  const { revision } = await history.ingest({ machine: "a", samples });
  for (const compacted of [false, true]) {
    if (compacted) await history.compactAll();
    const { service, context } = history.serviceAt(revision);
    const batches: Batch[] = [];
    for await (const slice of service.readSignals(create(ReadSignalsRequestSchema), context))
      batches.push(...(slice.batches as Batch[]));
    expect(typesOf(batches)).toEqual(shown);
  }
});
