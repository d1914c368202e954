// An answer names a misspelled field of the client wherever messages are JSON.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { takeEverything } from "../testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
const taken: IngestBatchRequest[] = [];
beforeAll(async () => {
  gateway = await openTestGateway();
  gateway.accessor.ingest = takeEverything(taken);
  gateway.accessor.signals.getLatest = () => ({ cursor: "c1" });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const samples = [{ signal: "power", untit: "kW", grid: { startUs: 1, periodUs: 1 }, values: [1] }];

test("of Connect: in a message, in one within it, and by GET", async () => {
  const ingest = "/millrace.v1.IngestService/IngestBatch";
  const latest = "/millrace.v1.SignalService/GetLatest";
  for (const [path, body, name] of [
    [ingest, { producerId: "p", sequence: 1, batch: { machine: "m", samples } }, "untit"],
    [ingest, { producer: "p" }, "producer"],
    [latest, { signal: ["power"] }, "signal"],
  ] as const) {
    const answer = await gateway.post(path, body);
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
    expect(answer.body["message"]).toContain(`"${name}" is unknown`);
  }
  const message = encodeURIComponent('{"signal":["power"]}');
  const got = await gateway.ask(`${latest}?connect=v1&encoding=json&message=${message}`);
  expect(got).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining('"signal" is unknown') },
  });
  expect((await gateway.post(latest, { signals: ["power"] })).status).toBe(200);
  expect(taken).toEqual([]);
});

test("of a batch in columns that is posted", async () => {
  const { status, body } = await gateway.post("/signals", { machine: "m", samples });
  expect([status, body["detail"]]).toEqual([400, expect.stringContaining('"untit" is unknown')]);
  expect(taken).toEqual([]);
});
