// Reads by GET, as Connect defines it: every method without side effects and no other, with the key
// in a header, through a gateway and an accessor.
import { create, toJsonString } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { pathOf } from "../../access/matrix.ts";
import { type Fixture, openFixture } from "../testing/access.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const methods = [
  SignalService,
  IngestService,
  MachineService,
  AccessService,
  StatusService,
].flatMap((service) => service.methods);
const isRead = ({ idempotency, methodKind }: (typeof methods)[number]) =>
  methodKind === "unary" && idempotency === Idempotency.NO_SIDE_EFFECTS;
const startTime = { seconds: BigInt(Math.floor(Date.now() / 1_000) - 3_600) };
const questions: Record<string, Record<string, unknown>> = {
  QuerySignals: { signal: "power" },
  GetMachine: { machine: "mill-1" },
  AggregateSamples: { signals: ["power"], startTime },
  SummarizeMachines: { startTime },
  AggregateStates: { startTime },
  GetVersion: { query: { case: "summarizeMachines", value: { startTime } } },
};

test("reads are the unary methods of SignalService, one machine, and who one is", () => {
  const reads = methods.filter(isRead).map(({ name }) => name);
  expect(reads).toEqual([
    "ListMachines",
    "ListSignals",
    "QuerySignals",
    "GetLatest",
    "AggregateSamples",
    "SummarizeMachines",
    "AggregateStates",
    "ListStateIntervals",
    "GetVersion",
    "GetMachine",
    "WhoAmI",
    "GetStatus",
  ]);
});

test.each(methods.map((method) => [pathOf(method), method] as const))(
  "%s",
  async (path, method) => {
    const message = toJsonString(method.input, create(method.input, questions[method.name] ?? {}));
    const url = `${fixture.gatewayUrl}${path}?${new URLSearchParams({ connect: "v1", encoding: "json", message })}`;
    const get = async (headers: Record<string, string>) => {
      const response = await fetch(url, { headers });
      return { status: response.status, text: await response.text() };
    };
    const { status, text } = await get({ "x-api-key": fixture.admin });
    if (!isRead(method)) {
      // Connect's refusals of a stream by GET: it does not accept the content type, or, for a
      // stream in both directions, HTTP/1.1.
      const refusals: Record<string, number> = {
        unary: 405,
        server_streaming: 415,
        bidi_streaming: 505,
      };
      expect(status).toBe(refusals[method.methodKind]);
      return;
    }
    expect([status, text.startsWith("{")]).toEqual([200, true]);
    if (method.parent === SignalService) expect(text).toMatch(/mill-1|"power"|"version"/);
    expect((await get({})).status).toBe(401);
  },
);
