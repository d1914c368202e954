// What duplicates mean, as rows, parameters and columns declare it, and what an answer says of it.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { Duplicates } from "#gen/millrace/v1/signal_pb.ts";
import { takeEverything } from "../testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

const { DROP, KEEP, UNSPECIFIED } = Duplicates;
let gateway: TestGateway;
const taken: IngestBatchRequest[] = [];
beforeEach(async () => {
  taken.length = 0;
  gateway = await openTestGateway();
  gateway.accessor.ingest = takeEverything(taken);
});
afterEach(() => gateway[Symbol.asyncDispose]());

const time = "2026-03-01T08:00:00Z";
const declared = () =>
  taken.map(({ batch }) => [
    batch!.machine,
    batch!.eventDuplicates,
    ...batch!.samples.map(({ signal, duplicates }) => [signal, duplicates]),
  ]);

test("rows declare it, and a parameter for those that do not", async () => {
  const signals = [
    { machine: "a", signal: "heat", time, value: 1, duplicates: "keep" },
    { machine: "a", signal: "oil", time, value: 1 },
    { machine: "b", signal: "state", time, state: "IDLE" },
    { machine: "c", signal: "error", time, severity: "INFO", code: "E1", duplicates: "KEEP" },
  ];
  const { status } = await gateway.post("/signals?duplicates=drop", { signals });
  expect(status).toBe(200);
  expect(declared()).toEqual([
    ["a", UNSPECIFIED, ["heat", KEEP], ["oil", DROP]],
    ["b", DROP],
    ["c", KEEP],
  ]);
  const wrong = await gateway.post("/signals", {
    signals: [{ machine: "a", signal: "heat", time, value: 1, duplicates: "merge" }],
  });
  expect(wrong.body["verdicts"]).toMatchObject([
    { row: 0, message: expect.stringMatching(/^duplicates: expected KEEP .* or DROP/) },
  ]);
});

test("columns of a batch may have the short words", async () => {
  const samples = [
    { signal: "heat", grid: { start_us: 1, period_us: 1 }, values: [1], duplicates: "drop" },
  ];
  const { status } = await gateway.post("/signals", {
    machine: "a",
    samples,
    event_duplicates: "keep",
  });
  expect([status, declared()]).toEqual([200, [["a", KEEP, ["heat", DROP]]]]);
  const wrong = await gateway.post("/signals", { machine: "a", samples: [{ duplicates: "x" }] });
  expect([wrong.status, wrong.body["detail"]]).toEqual([400, expect.stringMatching(/^duplicates/)]);
});

test.each(["application/json", "text/csv"])(
  "an answer to %s counts what was dropped",
  async (type) => {
    gateway.accessor.ingest = {
      ingestBatch: ({ sequence }) => ({ result: { sequence, droppedDuplicates: 2 }, cursor: "c" }),
    };
    const body =
      type === "text/csv"
        ? `machine,signal,time,value\na,heat,${time},1\n`
        : JSON.stringify({ signals: [{ machine: "a", signal: "heat", time, value: 1 }] });
    const answer = await gateway.ask("/signals", {
      method: "POST",
      headers: { "content-type": type },
      body,
    });
    expect(answer.body).toMatchObject({ accepted: 1, rejected: 0, dropped_duplicates: 2 });
  },
);
