// Rows of samples contain their unit whenever one is declared, so that posting rows that were read
// keeps it: on pages, among the newest records and in live feeds, which contain their sample_type
// too.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import { readUnit } from "../../codec/unit.ts";
import { timesOf, toSamples } from "../../codec/wire/samples.ts";
import { takeEverything } from "../testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
let taken: IngestBatchRequest[] = [];
beforeAll(async () => {
  gateway = await openTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const startUs = 1_772_352_000_000_000;
const column = fc.record({
  unit: fc
    .oneof(fc.constant(""), fc.string({ unit: fc.constantFrom(..."kW°/ \"',\\"), maxLength: 8 }))
    .map(readUnit),
  sampleType: fc.constantFrom(SampleType.UNSPECIFIED, SampleType.STEP, SampleType.COUNTER),
  values: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
    minLength: 1,
    maxLength: 5,
  }),
});

const post = async (signals: unknown) => {
  taken = [];
  gateway.accessor.ingest = takeEverything(taken);
  expect((await gateway.post("/signals", { signals })).body).toMatchObject({ rejected: 0 });
  return taken.flatMap(({ batch }) => batch!.samples);
};

test("a page, the newest records and live lines go back in with unit, and live ones with sample_type", async () => {
  await fc.assert(
    fc.asyncProperty(column, async ({ unit, sampleType, values }) => {
      const timesUs = values.map((_, i) => startUs + i * 1_000_003);
      const signals = values.map((value, i) => ({
        machine: "m",
        signal: "heat",
        time: toTimestamp(timesUs[i]!),
        unit,
        record: { case: "value" as const, value },
      }));
      const samples = toSamples(
        { signal: "heat", unit, maxGapUs: 1_000_000, sampleType },
        { timesUs: Float64Array.from(timesUs), values: Float64Array.from(values) },
      );
      Object.assign(gateway.accessor.signals, {
        querySignals: () => ({ signals, cursor: "c1" }),
        getLatest: () => ({ signals, cursor: "c1" }),
        async *watchSignals() {
          yield { after: "c0", through: "c1", batches: [{ machine: "m", samples: [samples] }] };
        },
      });
      const said = unit === "" ? {} : { unit };
      for (const path of ["/signals/heat?from=-1h", "/signals/heat/latest"]) {
        const rows = (await gateway.ask(path)).body["signals"] as Record<string, unknown>[];
        for (const row of rows)
          expect(Object.keys(row)).toEqual([
            ..."machine signal time value".split(" "),
            ...Object.keys(said),
          ]);
        expect(await post(rows)).toMatchObject([
          { signal: "heat", unit, sampleType: SampleType.UNSPECIFIED, values },
        ]);
      }
      const live = await (await fetch(`${gateway.baseUrl}/signals/heat/live?format=ndjson`)).text();
      const lines = live
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { signals?: unknown[] });
      const events = await (await fetch(`${gateway.baseUrl}/signals/heat/live`)).text();
      const rows = lines.flatMap((line) => line.signals ?? []);
      expect(JSON.parse(/^data: (\{"signals".*)$/m.exec(events)![1]!)).toEqual({ signals: rows });
      const [back] = await post(rows);
      expect(back).toMatchObject({ unit, sampleType, values });
      expect([...timesOf(back!)]).toEqual(timesUs);
    }),
    { numRuns: 30, examples: [[{ unit: "", sampleType: SampleType.UNSPECIFIED, values: [-0] }]] },
  );
});
