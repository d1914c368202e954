// Every kind of refusal over REST: its status, its reason, and the field that it names.
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { QuerySignalsRequest } from "#gen/millrace/v1/signal_service_pb.ts";
import { invalidField, reasonError } from "../errors/reasons.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { routes } from "./routes.ts";

let gateway: TestGateway;
let asked: QuerySignalsRequest[];
beforeAll(async () => {
  gateway = await openTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => {
  asked = [];
  gateway.accessor.signals = {
    querySignals(request) {
      asked.push(request);
      return { cursor: "c1" };
    },
  };
});

test.each([
  [
    "frm=-15m",
    "frm",
    /unknown parameter; known are machine, label, from, to, limit, page_token/,
    "REQUEST_INVALID",
  ],
  ["from=yesterday", "from", /"yesterday" is not a time.*RFC 3339.*-15m/, "TIME_RANGE_INVALID"],
  ["to=10000-01-01T00:00:00Z", "to", /years 1 to 9999/, "TIME_RANGE_INVALID"],
  ["from=now&from=-1h", "from", /more than once/, "REQUEST_INVALID"],
  ["limit=ten", "limit", /"ten" is not a whole number/, "REQUEST_INVALID"],
  ["limit=-1", "limit", /whole number/, "REQUEST_INVALID"],
  ["limit=2147483648", "limit", /whole number/, "REQUEST_INVALID"],
  [
    "severity=BAD",
    "severity",
    /"BAD" is not one of INFO, WARNING, ERROR, CRITICAL/,
    "REQUEST_INVALID",
  ],
  ["state=unspecified", "state", /not one of ACTIVE, IDLE, FAULT, OFF/, "REQUEST_INVALID"],
  ["__proto__=1", "__proto__", /unknown parameter/, "REQUEST_INVALID"],
])("400 for ?%s", async (query, field, detail, reason) => {
  const { status, body } = await gateway.ask(`/signals/power?${query}`);
  expect([status, body["field"], body["reason"]]).toEqual([400, field, reason]);
  expect(body["detail"]).toMatch(detail);
  expect(body["violations"]).toMatchObject([{ field }]);
  expect(asked).toEqual([]);
});

test("fields of the contract are named as the parameters that carry them", async () => {
  gateway.accessor.signals.querySignals = () => {
    throw invalidField("page_size", "at most 10000");
  };
  const { body } = await gateway.ask("/signals/power?limit=20000");
  expect(body).toMatchObject({
    status: 400,
    field: "limit",
    violations: [{ field: "limit", description: "at most 10000" }],
  });
  gateway.accessor.signals.querySignals = () => {
    throw invalidField("machines[3]", "too long");
  };
  expect((await gateway.ask("/signals/power")).body).toMatchObject({ field: "machine" });
  gateway.accessor.signals.aggregateSamples = () => {
    throw invalidField("calendar.shift_starts.[3]", "shift_starts must not contain a time twice");
  };
  expect((await gateway.ask("/signals/power/buckets?from=-1h")).body).toMatchObject({
    field: "shifts",
  });
  gateway.accessor.signals.querySignals = () => {
    throw invalidField(
      "severities, code_prefix",
      'start_time, end_time and states of "page_size" have no place here',
    );
  };
  expect((await gateway.ask("/signals/power")).body).toMatchObject({
    field: "severity, code_prefix",
    detail: 'severity, code_prefix: from, to and states of "page_size" have no place here',
  });
});

test("an unknown path names what there is; a known one with another method says which it takes", async () => {
  const unknown = await gateway.ask("/signal/power");
  expect([unknown.status, unknown.body["known"]]).toEqual([
    404,
    [...new Set(routes.map(({ path }) => path))],
  ]);
  for (const [method, path, allow] of [
    ["DELETE", "/signals/power", "GET, HEAD, OPTIONS"],
    ["PUT", "/signals", "GET, HEAD, POST, OPTIONS"],
    ["POST", "/signals/power/live", "GET, HEAD, OPTIONS"],
    ["PATCH", "/machines/m/summary", "GET, HEAD, OPTIONS"],
  ] as const) {
    const { status, headers } = await gateway.ask(path, { method });
    expect([path, status, headers.get("allow")]).toEqual([path, 405, allow]);
  }
});

test("no other type is taken than those that the refusal names", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/xml"]) {
    const { status, body } = await gateway.ask("/signals", {
      method: "POST",
      body: "x",
      headers: { "content-type": type },
    });
    expect([status, body["detail"]]).toEqual([
      415,
      "send the body as application/json, application/x-ndjson or text/csv",
    ]);
  }
});

test.each([
  [Code.Canceled, 499],
  [Code.Unknown, 500],
  [Code.InvalidArgument, 400],
  [Code.DeadlineExceeded, 504],
  [Code.NotFound, 404],
  [Code.AlreadyExists, 409],
  [Code.PermissionDenied, 403],
  [Code.ResourceExhausted, 429],
  [Code.FailedPrecondition, 400],
  [Code.Aborted, 409],
  [Code.OutOfRange, 400],
  [Code.Unimplemented, 501],
  [Code.Internal, 500],
  [Code.Unavailable, 503],
  [Code.DataLoss, 500],
  [Code.Unauthenticated, 401],
])("code %i becomes status %i", async (code, status) => {
  gateway.accessor.signals.querySignals = () => {
    throw reasonError("OVERLOADED", code, "so it is", { retryMs: 1_500 });
  };
  const { status: got, headers, body } = await gateway.ask("/signals/power");
  expect(got).toBe(status);
  expect(body).toEqual({
    type: "urn:millrace:v1:OVERLOADED",
    title: "Overloaded",
    status,
    detail: "so it is",
    instance: "/signals/power",
    reason: "OVERLOADED",
  });
  expect(headers.get("retry-after")).toBe(status === 503 || status === 429 ? "2" : null);
});

test.each([
  ["PAGE_TOKEN_EXPIRED", Code.FailedPrecondition, 410],
  ["CURSOR_EXPIRED", Code.OutOfRange, 410],
  ["CURSOR_FOREIGN", Code.FailedPrecondition, 409],
  ["CURSOR_IN_FUTURE", Code.OutOfRange, 409],
  ["SEQUENCE_GAP", Code.OutOfRange, 409],
  ["DATABASE_UNSAFE", Code.FailedPrecondition, 503],
] as const)("%s has a status of its own", async (reason, code, status) => {
  gateway.accessor.signals.querySignals = () => {
    throw reasonError(reason, code, "so it is");
  };
  expect(await gateway.ask("/signals/power")).toMatchObject({ status, body: { reason, status } });
});

test("what broke inside stays inside", async () => {
  gateway.accessor.signals.querySignals = () => {
    throw new ConnectError("password of db-7 is hunter2", Code.Internal);
  };
  const { status, body } = await gateway.ask("/signals/power");
  expect([status, body["detail"]]).toEqual([500, "internal error; the gateway has logged it"]);
  expect(JSON.stringify(body)).not.toContain("hunter2");
});
