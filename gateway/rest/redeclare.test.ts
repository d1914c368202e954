// PATCH /machines/{machine}/signals/{signal}: the request that reaches the accessor, its answer,
// and refusals by the gateway.
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type RedeclareSignalRequest, WarningReason } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { reasonError } from "../errors/reasons.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
let asked: RedeclareSignalRequest[];
beforeAll(async () => {
  gateway = await openTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => {
  asked = [];
  gateway.accessor.ingest.redeclareSignal = (request) => {
    asked.push(request);
    return {
      before: {
        unit: "",
        maxGap: { seconds: 2700n },
        maxGapInferred: true,
        sampleType: SampleType.LINEAR,
      },
      after: {
        unit: "kWh",
        maxGap: { seconds: 0n, nanos: 500_000_000 },
        sampleType: SampleType.COUNTER,
      },
    };
  };
});

const patch = (path: string, body: unknown, type = "application/json") =>
  gateway.ask(path, {
    method: "PATCH",
    headers: { "content-type": type },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

test("what is sent is corrected, and both declarations come back", async () => {
  const body = { unit: "kWh", max_gap: "0.5s", sample_type: "counter" };
  const { status, body: answer } = await patch(
    "/machines/Halle%203%20%2F%20Presse/signals/energy",
    body,
  );
  expect([status, answer]).toEqual([
    200,
    {
      before: {
        unit: "",
        max_gap: "2700s",
        max_gap_inferred: true,
        sample_type: "LINEAR",
        duplicates: "KEEP",
      },
      after: {
        unit: "kWh",
        max_gap: "0.5s",
        max_gap_inferred: false,
        sample_type: "COUNTER",
        duplicates: "KEEP",
      },
    },
  ]);
  expect(asked).toMatchObject([
    {
      machine: "Halle 3 / Presse",
      signal: "energy",
      unit: "kWh",
      validateOnly: false,
      maxGap: { seconds: 0n, nanos: 500_000_000 },
      sampleType: SampleType.COUNTER,
    },
  ]);
  // In the notation of protobuf's JSON, as in rows.
  await patch("/machines/m/signals/power", { maxGap: "20m", sampleType: "STEP" });
  expect(asked.pop()).toMatchObject({ maxGap: { seconds: 1_200n }, sampleType: SampleType.STEP });
  // An empty unit is a correction too; absent fields keep their values.
  await patch("/machines/m/signals/power?validate_only=true", { unit: "" });
  expect(asked[1]).toMatchObject({
    unit: "",
    validateOnly: true,
    sampleType: SampleType.UNSPECIFIED,
  });
  expect(asked[1]!.maxGap).toBeUndefined();
});

test("what the new declaration will not give is said", async () => {
  gateway.accessor.ingest.redeclareSignal = () => ({
    after: { unit: "VA", maxGap: { seconds: 60n }, sampleType: SampleType.LINEAR },
    warnings: [{ reason: WarningReason.NO_ENERGY, message: "no watts" }],
  });
  const { body } = await patch("/machines/m/signals/power", { unit: "VA" });
  expect(body["warnings"]).toEqual([{ reason: "NO_ENERGY", message: "no watts" }]);
});

test.each([
  ["{}", "body", /at least one of unit, max_gap, sample_type/],
  ["[]", "body", /expected an object/],
  ["null", "body", /expected an object/],
  [{ maxgap: "1s" }, "maxgap", /"maxgap" is not a field of a declaration: is "max_gap" meant\?/],
  [{ constructor: {} }, "constructor", /is not a field of a declaration/],
  [{ unit: 5 }, "unit", /a text is expected/],
  [{ max_gap: 20 }, "max_gap", /expected a number with a unit/],
  [{ max_gap: "20" }, "max_gap", /expected a number with a unit/],
  [{ max_gap: "1s", maxGap: "2s" }, "max_gap", /given in both spellings/],
  [{ sampleType: "stair" }, "sample_type", /must be LINEAR, STEP or COUNTER/],
  [{ sample_type: "stair" }, "sample_type", /must be LINEAR, STEP or COUNTER/],
])("%j is refused: it names %s", async (body, field, detail) => {
  const answer = await patch("/machines/m/signals/power", body);
  expect([answer.status, answer.body]).toMatchObject([
    400,
    { reason: "REQUEST_INVALID", field, detail: expect.stringMatching(detail) },
  ]);
  expect(asked).toEqual([]);
});

test("other bodies, parameters and what the accessor refuses are problems", async () => {
  expect((await patch("/machines/m/signals/power", "machine,time\n", "text/csv")).status).toBe(415);
  expect((await patch("/machines/m/signals/power", "<a/>", "text/xml")).status).toBe(415);
  const { body } = await patch("/machines/m/signals/power?validate_only=1", { unit: "W" });
  expect(body).toMatchObject({
    status: 400,
    field: "validate_only",
    detail: expect.stringMatching(/neither true nor false/),
  });
  expect(asked).toEqual([]);
  gateway.accessor.ingest.redeclareSignal = () => {
    throw reasonError("SIGNAL_UNKNOWN", Code.NotFound, "m has sent no such signal", {
      metadata: { signal: "powr" },
    });
  };
  const unknown = await patch("/machines/m/signals/powr", { unit: "W" });
  expect([unknown.status, unknown.body["reason"], unknown.body["instance"]]).toEqual([
    404,
    "SIGNAL_UNKNOWN",
    "/machines/m/signals/powr",
  ]);
});
