// Bad rows and bad queries get a typed, helpful answer over REST, Connect and gRPC; good rows
// beside them are stored.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clients, failure, gatewayClients, grpcClients, rest } from "./testing/ask.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startGateway } from "./testing/processes.ts";

const stack = new AsyncDisposableStack();
let grpc: Clients;
let connect: Clients;
let httpUrl = "";

beforeAll(async () => {
  const database = stack.use(await testDatabase());
  const accessor = stack.use(await startAccessor(database.url));
  const gateway = stack.use(await startGateway(accessor.url));
  grpc = stack.use(grpcClients(accessor.url));
  connect = gatewayClients(gateway.url)["Connect JSON"]!;
  httpUrl = gateway.url;
});
afterAll(() => stack.disposeAsync());

const startMs = Date.UTC(2026, 2, 1, 8);
const gridOf = (signal: string, values: number[]) => {
  const value = { startUs: BigInt(startMs) * 1000n, periodUs: 10_000n };
  return { signal, times: { case: "grid" as const, value }, values };
};

describe("REST", () => {
  const time = new Date(startMs).toISOString();
  const good = (machine: string) => ({ machine, signal: "power", time, value: 1 });

  test.each<[name: string, reason: string, says: RegExp, row: Record<string, unknown>]>([
    [
      "a machine's name",
      "MACHINE_NAME_INVALID",
      /begins with a blank/,
      { machine: " press 7", signal: "power", time, value: 1 },
    ],
    [
      "a signal's name",
      "SIGNAL_NAME_INVALID",
      /\[a-z\]/,
      { machine: "m", signal: "Öl Druck", time, value: 1 },
    ],
    [
      "NaN",
      "VALUE_NOT_FINITE",
      /leave the sample out/,
      { machine: "m", signal: "power", time, value: "NaN" },
    ],
    [
      "year 9999",
      "TIME_IN_FUTURE",
      /ahead/,
      { machine: "m", signal: "power", time: "9999-12-31T00:00:00Z", value: 1 },
    ],
    [
      "no time",
      "TIME_INVALID",
      /RFC 3339/,
      { machine: "m", signal: "power", time: "yesterday", value: 1 },
    ],
    [
      "U+0000",
      "TEXT_INVALID",
      /U\+0000/,
      { machine: "m", signal: "error", time, severity: "ERROR", code: "E1", message: "a\0b" },
    ],
    [
      "an unknown state",
      "STATE_REQUIRED",
      /state/,
      { machine: "m", signal: "state", time, state: "BUSY" },
    ],
  ])(
    "a row with %s gets a verdict, the row beside it is stored",
    async (name, reason, says, row) => {
      const machine = `rest-${name.replaceAll(/[^a-zA-Z]/g, "")}`;
      const rows = [good(machine), row.machine === "m" ? { ...row, machine } : row];
      const { status, body } = await rest(`${httpUrl}/signals`, { signals: rows });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        accepted: 1,
        rejected: 1,
        verdicts: [{ row: 1, count: 1, reason, message: expect.stringMatching(says) }],
      });
      expect(
        (await rest(`${httpUrl}/signals/power/latest?machine=${machine}&min_cursor=${body.cursor}`))
          .body.signals,
      ).toEqual([{ machine, signal: "power", time: time.replace(".000", ""), value: 1 }]);
    },
  );

  test("10 MB in one batch is refused with the limit, and the next is taken", async () => {
    const rows = Array.from({ length: 140_000 }, (_, i) => ({
      ...good("rest-big"),
      time: startMs + i / 10,
    }));
    const text = JSON.stringify({ signals: rows });
    expect(text.length).toBeGreaterThan(10e6);
    const { status, body } = await rest(`${httpUrl}/signals`, text);
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: "BATCH_TOO_LARGE",
      detail: expect.stringMatching(/at most 65536/),
    });
    expect((await rest(`${httpUrl}/signals`, { signals: [good("rest-big")] })).body).toMatchObject({
      accepted: 1,
    });
  });

  test.each<
    [name: string, status: number, reason: string | undefined, path: string, body?: string]
  >([
    ["unknown type", 404, "SIGNAL_UNKNOWN", "/signals/powr"],
    ["from after to", 400, "TIME_RANGE_INVALID", "/signals/power?from=now&to=-1h"],
    ["wrong page token", 400, "PAGE_TOKEN_INVALID", "/signals/power?page_token=AAAA"],
    ["a time that is none", 400, "TIME_RANGE_INVALID", "/signals/power?from=yesterday"],
    ["an unknown parameter", 400, "REQUEST_INVALID", "/signals/power?form=-1h"],
    ["U+0000 in a machine's name", 400, "MACHINE_NAME_INVALID", "/signals/power?machine=a%00b"],
    ["broken JSON", 400, "REQUEST_INVALID", "/signals", "{"],
    ["an unknown path", 404, undefined, "/signal/power"],
  ])("%s is a problem", async (_name, status, reason, path, body) => {
    const problem = await rest(httpUrl + path, body);
    expect(problem).toMatchObject({
      status,
      body: { status, detail: expect.stringMatching(/\w{3}/) },
    });
    expect(problem.body.reason).toBe(reason);
  });
});

test.each<[name: string, reason: string, call: () => Promise<unknown>]>([
  ["unknown type", "SIGNAL_UNKNOWN", () => connect.signals.querySignals({ signal: "powr" })],
  [
    "from after to",
    "TIME_RANGE_INVALID",
    () =>
      connect.signals.querySignals({
        signal: "power",
        startTime: timestampFromMs(1),
        endTime: timestampFromMs(0),
      }),
  ],
  [
    "another query's page token",
    "PAGE_TOKEN_INVALID",
    async () => {
      const sent = { producerId: "pages", sequence: 1n };
      const samples = [gridOf("power", [1, 2])];
      await grpc.ingest.ingestBatch({ ...sent, batch: { machine: "pages", samples } });
      const query = { signal: "power", pageSize: 1 };
      const { nextPageToken } = await grpc.signals.querySignals({ ...query, machines: ["pages"] });
      expect(nextPageToken).not.toBe("");
      await grpc.signals.querySignals({ ...query, machines: ["m"], pageToken: nextPageToken });
    },
  ],
  [
    "an id of a producer",
    "PRODUCER_ID_INVALID",
    () => grpc.ingest.ingestBatch({ producerId: "line 4", sequence: 1n, batch: { machine: "m" } }),
  ],
  [
    "a gap",
    "SEQUENCE_GAP",
    () =>
      grpc.ingest.ingestBatch({
        producerId: "gap",
        sequence: 7n,
        batch: { machine: "m", samples: [gridOf("power", [1])] },
      }),
  ],
])("%s is an error with a reason, in words", async (_name, reason, call) => {
  expect(await failure(call())).toEqual({ reason, message: expect.stringMatching(/\w+ \w+/) });
});
