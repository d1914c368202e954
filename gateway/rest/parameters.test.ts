// What query parameters refuse, in words that help: times, empty lists, and the accessor's fields.
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { invalidField, reasonError } from "../errors.ts";
import { openTestGateway, type TestGateway } from "../test-gateway.ts";

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
  ["from=-999999w", "from", /a time in years 1 to 9999 is expected/],
])("?%s is refused, and says why", async (query, field, detail) => {
  const { status, body } = await gateway.ask(`/signals/power?${query}`);
  expect([status, body["field"], body["reason"]]).toEqual([400, field, "TIME_RANGE_INVALID"]);
  expect(body["detail"]).toMatch(detail);
  expect(asked).toBe(0);
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
  ["severity=ERROR", "severities", "severities goes only with", "severity goes only with"],
  ["state=IDLE", "states", "states goes only with", "state goes only with"],
  ["machine=m", "machines[0]", "machines[0]: too long", "machine: too long"],
  ["code_prefix=E", "code_prefix", "code_prefix goes only with", "code_prefix goes only with"],
])("?%s: what the accessor says of %s names the parameter", async (query, field, says, told) => {
  gateway.accessor.signals.querySignals = () => {
    throw reasonError("REQUEST_INVALID", Code.InvalidArgument, says, {
      ...{ metadata: { field }, fields: [{ field, description: says }] },
    });
  };
  const { body } = await gateway.ask(`/signals/power?${query}`);
  expect(body).toMatchObject({ field: query.split("=")[0], detail: told, violations: [{ description: told }] });
});

test("each of several broken fields is named as the parameter", async () => {
  gateway.accessor.signals.querySignals = () => {
    throw invalidField("machines, states", "not both; the states of a machine stay states");
  };
  const { body } = await gateway.ask("/signals/power");
  expect(body["detail"]).toBe("machine, state: not both; the states of a machine stay states");
});
