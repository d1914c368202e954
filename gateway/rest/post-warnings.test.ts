// POST /signals: warnings about records that are stored but unusual come once, with the machine and
// the signal.
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WarningReason, WarningSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { createAnswerCheck } from "../testing/schema.ts";
import { type OpenApi, toOpenApi } from "./openapi.ts";
import { routes } from "./routes.ts";

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await openTestGateway();
  gateway.accessor.ingest.ingestBatch = ({ sequence, batch }) => {
    const warnings = batch!.samples.map(({ values }, column) =>
      create(WarningSchema, {
        reason: WarningReason.NOT_COVERED,
        column,
        message: `${values.length} are far apart`,
      }),
    );
    return { result: { sequence, warnings }, cursor: "c1" };
  };
});
afterEach(() => gateway[Symbol.asyncDispose]());

const row = (machine: string, signal: string) => ({
  machine,
  signal,
  time: "2026-03-01T08:00:00Z",
  value: 1,
});
const check = createAnswerCheck(toOpenApi(routes) as OpenApi);

async function post(body: string, type: string, accept = "application/json") {
  const headers = { "content-type": type, accept };
  const response = await fetch(`${gateway.baseUrl}/signals`, { method: "POST", headers, body });
  const text = await response.text();
  const contentType = response.headers.get("content-type")!;
  expect(
    check({ method: "POST", path: "/signals", status: response.status, contentType, text }),
  ).toBe("");
  return JSON.parse(text) as Record<string, unknown>;
}

test("rows and columns name machine and signal of each warning, and are stored", async () => {
  const signals = [row("a", "heat"), row("a", "power"), row("b", "heat"), row("a", "heat")];
  const warning = (machine: string, signal: string, count: number) => ({
    reason: "NOT_COVERED",
    machine,
    signal,
    message: `${count} are far apart`,
  });
  expect(await post(JSON.stringify({ signals }), "application/json")).toMatchObject({
    accepted: 4,
    rejected: 0,
    warnings: [warning("a", "heat", 2), warning("a", "power", 1), warning("b", "heat", 1)],
  });
  const grid = { startUs: "1772352000000000", periodUs: "10000" };
  const columns = { machine: "a", samples: [{ signal: "heat", grid, values: [1, 2, 3] }] };
  expect(await post(JSON.stringify(columns), "application/json")).toMatchObject({
    warnings: [warning("a", "heat", 3)],
  });
  const states = {
    signals: [{ machine: "a", signal: "state", time: "2026-03-01T08:00:00Z", state: "IDLE" }],
  };
  expect(await post(JSON.stringify(states), "application/json")).not.toHaveProperty("warnings");
});

test("lines name them once however many batches they become, a hundred at most", async () => {
  // More than one chunk holds.
  const body = `${JSON.stringify(row("a", "heat"))}\n`.repeat(30_000);
  const { accepted, warnings } = await post(body, "application/x-ndjson");
  expect([accepted, warnings]).toMatchObject([30_000, [{ machine: "a", signal: "heat" }]]);
  const many = Array.from({ length: 120 }, (_, i) => JSON.stringify(row(`m-${i}`, "heat"))).join(
    "\n",
  );
  const answer = await post(many, "application/x-ndjson", "application/x-ndjson");
  expect([(answer["warnings"] as unknown[]).length, answer["warnings_omitted"]]).toEqual([100, 20]);
});
