// Refusals of query parameters, with helpful messages: times, empty lists, and the accessor's
// fields.
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { invalidField, reasonError } from "../errors/reasons.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
let asked: number;
beforeAll(async () => {
  gateway = await openTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => {
  asked = 0;
  gateway.accessor.signals.querySignals = () => {
    asked++;
    return {};
  };
});

test.each([
  ["from=2026-01-05T08:59:60Z", "from", /leap second, which there is only at 23:59:60 UTC/],
  ["from=2026-01-05T08:59:00", "from", /a time without a zone: add Z/],
  ["from=1767600000", "from", /looks like seconds: write milliseconds or RFC 3339/],
  ["to=1767600000000000", "to", /looks like microseconds: write milliseconds or RFC 3339/],
  ["to=1767600000000000000", "to", /looks like nanoseconds: write milliseconds/],
  ["from=20261129&to=20261130", "from", /"20261129" looks like a date: write 2026-11-29$/],
  ["from=2026", "from", /"2026" looks like a year: write 2026-01-01$/],
  ["to=20261129080000", "to", /looks like a date and a time: write 2026-11-29T08:00:00Z/],
  [
    "from=5000",
    "from",
    /"5000" means a time before 1990 as milliseconds since 1970: write RFC 3339/,
  ],
  ["from=-1", "from", /"-1" means a time before 1990/],
  ["from=2026-02-29T08:00:00Z", "from", /is refused: there is no day 2026-02-29$/],
  ["from=2026-11-31", "from", /is refused: there is no day 2026-11-31$/],
  [
    "from=2026-11-30T24:00:00Z",
    "from",
    /is refused: there is no hour 24: the end of a day is 00:00 of the next/,
  ],
  ["from=2026-11-30T08:60:00Z", "from", /is refused: there is no minute 60$/],
  ["from=-999999w", "from", /a time in years 1 to 9999 is expected/],
])("?%s is refused, and says why", async (query, field, detail) => {
  const { status, body } = await gateway.ask(`/signals/power?${query}`);
  expect([status, body["field"], body["reason"]]).toEqual([400, field, "TIME_RANGE_INVALID"]);
  expect(body["detail"]).toMatch(detail);
  expect(asked).toBe(0);
});

test("a live feed refuses such a since too; 0 is the beginning", async () => {
  const { status, body } = await gateway.ask("/signals/power/live?since=20261128");
  expect([status, body["field"], body["detail"]]).toEqual([
    400,
    "since",
    expect.stringMatching(/write 2026-11-28$/),
  ]);
  expect((await gateway.ask("/signals/power?from=0")).status).toBe(200);
});

test.each([
  ["/signals/power?machine=", "machine"],
  ["/signals/power?machine=a&machine=", "machine"],
  ["/signals/power?machine=,", "machine"],
  ["/signals?machine=", "machine"],
  ["/signals/power/latest?machine=", "machine"],
  ["/signals/power/live?machine=", "machine"],
  ["/machines/summary?from=-1h&machine=", "machine"],
  ["/signals/error?severity=", "severity"],
  ["/signals/state?state=", "state"],
  ["/signals/state/intervals?state=", "state"],
  ["/signals/power/buckets?from=-1h&tz=UTC&shifts=", "shifts"],
])("%s: an empty list is not everything", async (path, field) => {
  const { status, body } = await gateway.ask(path);
  expect([status, body["field"], body["reason"]]).toEqual([400, field, "REQUEST_INVALID"]);
  expect(body["detail"]).toBe(`${field}: is empty: name at least one, or leave the parameter out`);
  expect(asked).toBe(0);
});

test.each([
  [
    "severity=ERROR",
    "severities",
    "severities is only allowed with",
    "severity is only allowed with",
  ],
  ["state=IDLE", "states", "states is only allowed with", "state is only allowed with"],
  ["machine=m", "machines[0]", "machines[0]: too long", "machine: too long"],
  [
    "code_prefix=E",
    "code_prefix",
    "code_prefix is only allowed with",
    "code_prefix is only allowed with",
  ],
])("?%s: what the accessor says of %s names the parameter", async (query, field, says, told) => {
  gateway.accessor.signals.querySignals = () => {
    throw reasonError("REQUEST_INVALID", Code.InvalidArgument, says, {
      metadata: { field },
      fields: [{ field, description: says }],
    });
  };
  const { body } = await gateway.ask(`/signals/power?${query}`);
  expect(body).toMatchObject({
    field: query.split("=")[0],
    detail: told,
    violations: [{ description: told }],
  });
});

test("each of several broken fields is named as the parameter", async () => {
  gateway.accessor.signals.querySignals = () => {
    throw invalidField("machines, states", "not both; the states of a machine stay states");
  };
  const { body } = await gateway.ask("/signals/power");
  expect(body["detail"]).toBe("machine, state: not both; the states of a machine stay states");
});

test("an error names the parameter that was sent, the accessor's too", async () => {
  const field = async (query: string) => {
    const { status, body } = await gateway.ask(`/signals/power${query}`);
    return [
      status,
      body["field"],
      (body["metadata"] as Record<string, string>)["field"],
      body["detail"],
    ];
  };
  expect(await field("?page_size=1")).toEqual([
    400,
    "page_size",
    "page_size",
    expect.stringMatching(/^page_size: unknown parameter; known are/),
  ]);
  expect(await field("?from=1772352000")).toEqual([
    400,
    "from",
    "from",
    expect.stringMatching(/looks like seconds/),
  ]);
  gateway.accessor.signals.querySignals = () => {
    throw invalidField("page_size", "page_size must not be so");
  };
  expect(await field("?limit=9")).toEqual([
    400,
    "limit",
    "limit",
    expect.not.stringContaining("page_size"),
  ]);
});
