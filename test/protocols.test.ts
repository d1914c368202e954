// One question to the real accessor and gateway, in every protocol: equal answers, equal errors.
import { toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  MachineState,
  MachineStateSchema,
  Severity,
  SeveritySchema,
} from "#gen/millrace/v1/signal_pb.ts";
import {
  GetLatestResponseSchema,
  ListMachinesResponseSchema,
  ListSignalsResponseSchema,
  QuerySignalsResponseSchema,
  ReadSignalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { type Clients, failure, gatewayClients, grpcClients, rest } from "./testing/ask.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startGateway } from "./testing/processes.ts";

const stack = new AsyncDisposableStack();
let byName: Record<string, Clients> = {};
let httpUrl = "";
const protocols = ["gRPC", "gRPC through the gateway", "gRPC-Web", "Connect JSON", "Connect GET"];

const startMs = Date.UTC(2026, 2, 1, 8);
const at = (ms: number) => timestampFromMs(startMs + ms);
const range = { startTime: at(0), endTime: at(10_000) };
const power = Array.from({ length: 300 }, (_, i) => (i % 50 === 0 ? 5e-324 * i : 400 + i / 10));

beforeAll(async () => {
  const database = stack.use(await testDatabase());
  const accessor = stack.use(await startAccessor(database.url));
  const gateway = stack.use(await startGateway(accessor.url));
  const direct = stack.use(grpcClients(accessor.url));
  const forwarded = stack.use(grpcClients(gateway.url));
  httpUrl = gateway.url;
  byName = { gRPC: direct, "gRPC through the gateway": forwarded, ...gatewayClients(gateway.url) };
  for (const [i, machine] of ["press-1", "press-2"].entries()) {
    const grid = { startUs: BigInt(startMs) * 1000n, periodUs: 10_000n };
    const { result } = await direct.ingest.ingestBatch({
      producerId: "test",
      sequence: BigInt(i + 1),
      batch: {
        machine,
        stateChanges: [
          { time: at(0), state: MachineState.IDLE, reason: "waiting" },
          { time: at(1500), state: MachineState.ACTIVE, reason: "" },
        ],
        errorReports: [
          {
            time: at(1000),
            severity: Severity.WARNING,
            code: "W1",
            message: 'Öl läuft aus — 漏油 "!"',
          },
        ],
        samples: [
          { signal: "power", unit: "W", times: { case: "grid", value: grid }, values: power },
        ],
      },
    });
    expect(result?.verdicts).toEqual([]);
  }
});
afterAll(() => stack.disposeAsync());

test("the table names every client", () => expect(Object.keys(byName)).toEqual(protocols));

describe.each(protocols)("%s", (protocol) => {
  const here = () => byName[protocol]!.signals;
  const direct = () => byName["gRPC"]!.signals;

  test("machines, signals and latest as over gRPC", async () => {
    const machines = await here().listMachines({});
    expect(machines.machines.map(({ name, signals }) => [name, signals])).toEqual([
      ["press-1", ["error", "power", "state"]],
      ["press-2", ["error", "power", "state"]],
    ]);
    expect(toJson(ListMachinesResponseSchema, machines)).toEqual(
      toJson(ListMachinesResponseSchema, await direct().listMachines({})),
    );
    expect(toJson(ListSignalsResponseSchema, await here().listSignals({}))).toEqual(
      toJson(ListSignalsResponseSchema, await direct().listSignals({})),
    );
    const latest = await here().getLatest({ machines: ["press-2"] });
    expect(latest.signals.map(({ signal }) => signal)).toEqual(["error", "power", "state"]);
    expect(latest).toEqual(await direct().getLatest({ machines: ["press-2"] }));
    expect(toJson(GetLatestResponseSchema, latest)).toMatchObject({
      signals: [{}, { value: power.at(-1) }, {}],
    });
  });

  test.each(["power", "state", "error"])("pages of %s as over gRPC, to the end", async (signal) => {
    const pages = async (clients: typeof here) => {
      const rows: unknown[] = [];
      for (let pageToken = ""; ; ) {
        const page = await clients().querySignals({ signal, ...range, pageSize: 77, pageToken });
        const json = toJson(QuerySignalsResponseSchema, page) as { signals?: unknown[] };
        rows.push(...(json.signals ?? []));
        pageToken = page.nextPageToken;
        if (pageToken === "") return rows;
      }
    };
    const rows = await pages(here);
    expect(rows).toHaveLength({ power: 600, state: 4, error: 2 }[signal]!);
    expect(rows).toEqual(await pages(direct));
  });

  test("a range as over gRPC", async () => {
    const read = async (clients: typeof here) => {
      const messages = [];
      for await (const message of clients().readSignals({ ...range, signals: ["power", "state"] }))
        messages.push(message);
      return messages;
    };
    const messages = await read(here);
    expect(messages.map((message) => toJson(ReadSignalsResponseSchema, message))).toEqual(
      (await read(direct)).map((message) => toJson(ReadSignalsResponseSchema, message)),
    );
    const values = messages.flatMap(({ batches }) =>
      batches.flatMap(({ samples }) => samples.flatMap((s) => s.values)),
    );
    expect(values).toHaveLength(600);
  });

  test.each<[reason: string, message: RegExp, call: (clients: Clients) => Promise<unknown>]>([
    ["SIGNAL_UNKNOWN", /powr.*power/, ({ signals }) => signals.querySignals({ signal: "powr" })],
    [
      "REQUEST_INVALID",
      /page_size/,
      ({ signals }) => signals.querySignals({ signal: "power", pageSize: -1 }),
    ],
    [
      "MACHINE_NAME_INVALID",
      /press 7.*U\+0020/,
      ({ signals }) => signals.getLatest({ machines: ["press 7 "] }),
    ],
    [
      "TIME_RANGE_INVALID",
      /not before/,
      ({ signals }) => signals.querySignals({ signal: "power", startTime: at(1), endTime: at(0) }),
    ],
    [
      "PAGE_TOKEN_INVALID",
      /page_token/,
      ({ signals }) => signals.querySignals({ signal: "power", pageToken: "x" }),
    ],
    ["CURSOR_INVALID", /cursor/, ({ signals }) => signals.getLatest({ minCursor: "x" })],
    [
      "CURSOR_INVALID",
      /cursor/,
      ({ signals }) => first(signals.watchSignals({ start: { case: "afterCursor", value: "x" } })),
    ],
  ])("%s, %s", async (reason, message, call) => {
    const failed = await failure(call(byName[protocol]!));
    expect(failed).toEqual({ reason, message: expect.stringMatching(message) });
    expect(failed).toEqual(await failure(call(byName["gRPC"]!)));
  });
});

async function first<T>(stream: AsyncIterable<T>): Promise<T | undefined> {
  for await (const message of stream) return message;
  return undefined;
}

describe("REST", () => {
  const from = new Date(startMs).toISOString();
  const to = new Date(startMs + 10_000).toISOString();

  test.each(["power", "state", "error"])(
    "rows of %s are the records that gRPC gives",
    async (signal) => {
      const rows: Record<string, unknown>[] = [];
      for (let token = ""; ; ) {
        const { status, body } = await rest(
          `${httpUrl}/signals/${signal}?from=${from}&to=${to}&limit=77&page_token=${encodeURIComponent(token)}`,
        );
        expect(status).toBe(200);
        rows.push(...body.signals!);
        token = body.next_page_token!;
        if (token === "") break;
      }
      const { signals } = await byName["gRPC"]!.signals.querySignals({
        signal,
        ...range,
        pageSize: 1000,
      });
      const word = (record: (typeof signals)[number]["record"]) => {
        if (record.case === "value") return { value: record.value, unit: "W" };
        if (record.case === "stateChange")
          return {
            state: MachineStateSchema.value[record.value.state]!.localName,
            reason: record.value.reason,
          };
        const { severity, code, message } = record.value!;
        return { severity: SeveritySchema.value[severity]!.localName, code, message };
      };
      const sameTime = (time: unknown) => new Date(String(time)).getTime();
      expect(rows.map((row) => ({ ...row, time: sameTime(row["time"]) }))).toEqual(
        signals.map(({ machine, time, record }) => ({
          machine,
          signal,
          time: Number(time!.seconds) * 1000 + time!.nanos / 1e6,
          ...word(record),
        })),
      );
    },
  );

  test.each<[reason: string, status: number, path: string]>([
    ["SIGNAL_UNKNOWN", 404, "/signals/powr"],
    ["REQUEST_INVALID", 400, "/signals/power?limit=-1"],
    ["MACHINE_NAME_INVALID", 400, "/signals/power?machine=press%207%20"],
    ["TIME_RANGE_INVALID", 400, `/signals/power?from=${to}&to=${from}`],
    ["PAGE_TOKEN_INVALID", 400, "/signals/power?page_token=x"],
    ["CURSOR_INVALID", 400, "/signals/power/latest?min_cursor=x"],
    ["CURSOR_INVALID", 400, "/signals/power/live?after=x"],
  ])("%s is a problem with status %i: %s", async (reason, status, path) => {
    const problem = await rest(httpUrl + path);
    expect(problem).toMatchObject({
      status,
      body: { reason, status, type: `urn:millrace:v1:${reason}` },
    });
    expect(problem.body.detail).not.toBe("");
  });

  test("the newest rows, and the machines", async () => {
    const { body } = await rest(`${httpUrl}/signals/power/latest`);
    expect(body.signals).toMatchObject([
      { machine: "press-1", value: power.at(-1) },
      { machine: "press-2", value: power.at(-1) },
    ]);
    expect((await rest(`${httpUrl}/machines`)).body).toMatchObject({
      machines: [{ name: "press-1" }, { name: "press-2" }],
    });
  });
});
