// POST /signals with lines: the same body gives the same batches with the same numbers, however it
// arrives, and whether the client or the gateway chose the numbers.
import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { takeEverything } from "../testing/accessor.ts";
import { nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { postLines, row } from "../testing/lines.ts";

let gateway: TestGateway;
let taken: IngestBatchRequest[];
beforeEach(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
  taken = [];
  gateway.accessor.ingest = takeEverything(taken);
});
afterEach(() => gateway[Symbol.asyncDispose]());

test("a large body is stored while it comes, in batches that follow from the body alone", async () => {
  const lines = Array.from({ length: 45_000 }, (_, i) => row(`m${i % 2}`, i)).join("\n");
  const bytes = Buffer.from(lines);
  const stored = Promise.withResolvers<void>();
  const { ingestBatch } = gateway.accessor.ingest;
  gateway.accessor.ingest.ingestBatch = (request, context) => {
    stored.resolve();
    return ingestBatch!(request, context);
  };
  const piecewise = (size: number) => {
    let at = 0;
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        // The last part is not sent before some of the first is stored.
        if (at > bytes.length * 0.8) await stored.promise;
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.subarray(at, at + size));
        at += size;
      },
    });
  };
  const key = { headers: { "idempotency-key": "shift 7" } };
  const first = await postLines(gateway, piecewise(100_003), key);
  const before = taken.splice(0);
  const second = await postLines(gateway, piecewise(1_048_577), key);
  expect(first.body).toMatchObject({ accepted: 45_000, rejected: 0, last_sequence: "6" });
  expect(second.body).toMatchObject({ accepted: 45_000, producer_id: first.body["producer_id"] });
  expect(taken).toEqual(before);
  expect(
    before.map(({ sequence, batch }) => [
      sequence,
      batch!.machine,
      batch!.samples[0]!.values.length,
    ]),
  ).toEqual([
    ...[1n, 2n].map((n) => [n, `m${n - 1n}`, 10_000]),
    ...[3n, 4n].map((n) => [n, `m${n - 3n}`, 10_000]),
    ...[5n, 6n].map((n) => [n, `m${n - 5n}`, 2_500]),
  ]);
});

test("an Idempotency-Key is a producer of its own; its times must not depend on when they are sent", async () => {
  const { body } = await postLines(gateway, `${row("a", 1)}\n${row("a", 2, { time: "now" })}`, {
    headers: { "idempotency-key": "k" },
  });
  const producerId = `http:${createHash("sha256").update("k").digest("hex").slice(0, 40)}`;
  expect(body).toMatchObject({ accepted: 1, rejected: 1, producer_id: producerId });
  expect(body["verdicts"]).toMatchObject([{ line: 2, reason: "TIME_INVALID" }]);
  expect(taken).toMatchObject([{ producerId, sequence: 1n }]);
  const json = {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": "k" },
  };
  await gateway.ask("/signals", { ...json, body: `{"signals":[${row("a", 3)}]}` });
  expect(taken[1]).toMatchObject({ producerId, sequence: 1n });
  const both = await gateway.ask("/signals", {
    ...json,
    body: '{"producer_id":"p","sequence":1,"machine":"m"}',
  });
  expect([both.status, both.body["field"]]).toEqual([400, "idempotency-key"]);
  expect(
    (await postLines(gateway, row("a", 1), { headers: { "idempotency-key": "k".repeat(256) } }))
      .body,
  ).toMatchObject({ status: 400, field: "idempotency-key" });
});

test("a producer's own numbers go in the query", async () => {
  const { body } = await postLines(gateway, [row("a", 1), row("b", 2)].join("\n"), {
    query: "?producer_id=line-4&sequence=7",
  });
  expect(body).toMatchObject({ producer_id: "line-4", last_sequence: "8" });
  expect(taken.map(({ producerId, sequence }) => [producerId, sequence])).toEqual([
    ["line-4", 7n],
    ["line-4", 8n],
  ]);
  for (const id of ["rest:1", "http:1"])
    expect(
      (await postLines(gateway, row("a", 1), { query: `?producer_id=${id}&sequence=1` })).body,
    ).toMatchObject({ status: 400, field: "producer_id" });
  expect(
    (await postLines(gateway, row("a", 1), { query: "?producer_id=line-4" })).body,
  ).toMatchObject({ status: 400, field: "sequence" });
});
