// One question, every protocol: gRPC, gRPC-Web, Connect and REST give equal answers and equal
// errors.
import { create, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type QuerySignalsRequest,
  QuerySignalsResponseSchema,
  SignalService,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { createLog } from "../../runtime/log.ts";
import { reasonError } from "../errors/reasons.ts";
import { toTimestamp } from "../rest/time.ts";
import { type FakeAccessor, openFakeAccessor } from "../testing/accessor.ts";
import { type CheckedGateway, openCheckedGateway } from "../testing/gateway.ts";
import { allKinds, transportsTo } from "../testing/transports.ts";

let accessor: FakeAccessor;
let gateway: CheckedGateway;
let baseUrl: string;
const transports: Record<string, Transport> = {};

beforeAll(async () => {
  accessor = await openFakeAccessor();
  gateway = await openCheckedGateway({
    host: "127.0.0.1",
    port: 0,
    accessorUrl: accessor.url,
    log: createLog({ name: "test", level: "silent" }),
  });
  baseUrl = `http://127.0.0.1:${gateway.port}`;
  Object.assign(transports, transportsTo(baseUrl));
});
afterAll(async () => {
  (transports["gRPC by grpc-js"] as unknown as Disposable)[Symbol.dispose]();
  await gateway[Symbol.asyncDispose]();
  await accessor[Symbol.asyncDispose]();
});
beforeEach(() => {
  accessor.signals = {};
  accessor.ingest = {};
});

const startUs = 1_772_352_000_000_000n;
const values = [412.3, -0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, -1e21, 2 ** 53 + 2];
const page = create(QuerySignalsResponseSchema, {
  signals: values.map((value, i) => ({
    machine: "mill-1",
    signal: "power",
    time: toTimestamp(startUs + BigInt(i)),
    record: { case: "value" as const, value },
  })),
  nextPageToken: "more",
  cursor: "c7",
});

test("the table names every transport", () => expect(Object.keys(transports)).toEqual(allKinds));

describe.each(allKinds)("%s", (kind) => {
  const client = () => createClient(SignalService, transports[kind]!);

  test("a page comes as the accessor gave it", async () => {
    const asked: QuerySignalsRequest[] = [];
    accessor.signals.querySignals = (request) => {
      asked.push(request);
      return page;
    };
    const answer = await client().querySignals({
      signal: "power",
      machines: ["mill-1"],
      pageSize: 7,
    });
    const plain = (message: typeof answer) =>
      JSON.stringify(toJson(QuerySignalsResponseSchema, message));
    expect(plain(answer)).toEqual(plain(page));
    expect(answer.signals.map(({ record }) => record.value)).toEqual(values);
    expect(Object.is(answer.signals[1]!.record.value, -0)).toBe(true);
    expect(asked).toMatchObject([{ signal: "power", machines: ["mill-1"], pageSize: 7 }]);
  });

  test("an error comes with code, message and details", async () => {
    accessor.signals.querySignals = () => {
      throw reasonError("SIGNAL_UNKNOWN", Code.NotFound, "no machine has sent powr", {
        metadata: { known: "power, state" },
      });
    };
    const error = ConnectError.from(
      await client()
        .querySignals({ signal: "powr" })
        .catch((e: unknown) => e),
    );
    expect(error).toMatchObject({ code: Code.NotFound, rawMessage: "no machine has sent powr" });
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: "SIGNAL_UNKNOWN", metadata: { known: "power, state" } },
    ]);
  });

  test("a stream comes message by message, and its end reaches the accessor", async () => {
    const ended = Promise.withResolvers<void>();
    accessor.signals.watchSignals = async function* (_request, { signal: abort }) {
      try {
        for (let i = 1; ; i++) {
          yield { after: `c${i - 1}`, through: `c${i}` };
          if (i === 3)
            await new Promise((_, reject) =>
              abort.addEventListener("abort", () => reject(abort.reason)),
            );
        }
      } finally {
        ended.resolve();
      }
    };
    const leave = new AbortController();
    const seen: string[] = [];
    const error = await (async () => {
      for await (const { through } of client().watchSignals({}, { signal: leave.signal })) {
        if (seen.push(through) === 3) leave.abort();
      }
    })().catch((e: unknown) => ConnectError.from(e));
    expect(error).toMatchObject({ code: Code.Canceled });
    expect(seen).toEqual(["c1", "c2", "c3"]);
    await ended.promise;
  });

  test("an error after some messages comes after them", async () => {
    accessor.signals.watchSignals = async function* () {
      yield { through: "c1" };
      throw reasonError("CURSOR_EXPIRED", Code.OutOfRange, "gone", {
        metadata: { earliest_cursor: "c0" },
      });
    };
    const seen: unknown[] = [];
    const error = await (async () => {
      for await (const { through } of client().watchSignals({})) seen.push(through);
    })().catch((e: unknown) => ConnectError.from(e));
    expect(seen).toEqual(["c1"]);
    expect(error).toMatchObject({ code: Code.OutOfRange });
    expect((error as ConnectError).findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: "CURSOR_EXPIRED" },
    ]);
  });

  test("a deadline is passed on and becomes DEADLINE_EXCEEDED", async () => {
    const deadlines: (number | undefined)[] = [];
    accessor.signals.getLatest = (_request, { timeoutMs, signal: abort }) => {
      deadlines.push(timeoutMs());
      return new Promise((_, reject) =>
        abort.addEventListener("abort", () => reject(abort.reason)),
      );
    };
    const error = await client()
      .getLatest({}, { timeoutMs: 100 })
      .catch((e: unknown) => ConnectError.from(e));
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
    expect(deadlines[0]).toBeLessThanOrEqual(100);
  });

  test("without a deadline the gateway sets one", async () => {
    const deadlines: (number | undefined)[] = [];
    accessor.signals.getLatest = (_request, { timeoutMs }) => {
      deadlines.push(timeoutMs());
      return {};
    };
    await client().getLatest({});
    expect(deadlines[0]).toBeGreaterThan(20_000);
    expect(deadlines[0]).toBeLessThanOrEqual(30_000);
  });

  test("one batch is ingested", async () => {
    accessor.ingest.ingestBatch = ({ sequence }) => ({
      result: { sequence, duplicate: true },
      cursor: "c9",
    });
    const answer = await createClient(IngestService, transports[kind]!).ingestBatch({
      producerId: "p",
      sequence: 2n ** 63n,
    });
    expect(answer).toMatchObject({
      result: { sequence: 2n ** 63n, duplicate: true },
      cursor: "c9",
    });
  });
});

describe("REST", () => {
  test("a page has the same rows", async () => {
    accessor.signals.querySignals = () => page;
    const response = await fetch(`${baseUrl}/signals/power?machine=mill-1`);
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    const body = (await response.json()) as { signals: { time: string; value: number }[] };
    expect(body).toMatchObject({ next_page_token: "more", cursor: "c7" });
    expect(
      body.signals.map((row) => row.value).every((value, i) => Object.is(value, values[i])),
    ).toBe(true);
    expect(body.signals[1]!.time).toBe("2026-03-01T08:00:00.000001Z");
  });

  test("an error has the same reason and metadata", async () => {
    accessor.signals.querySignals = () => {
      throw reasonError("SIGNAL_UNKNOWN", Code.NotFound, "no machine has sent powr", {
        metadata: { known: "power, state" },
      });
    };
    const response = await fetch(`${baseUrl}/signals/powr`);
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    expect(await response.json()).toMatchObject({
      reason: "SIGNAL_UNKNOWN",
      detail: "no machine has sent powr",
      metadata: { known: "power, state" },
    });
  });
});

test("batches stream in and acknowledgements out, both ways at once", async () => {
  accessor.ingest.ingest = async function* (requests) {
    for await (const { message } of requests) {
      if (message.case === "hello")
        yield { message: { case: "welcome", value: { lastSequence: 4n } } };
      else yield { message: { case: "ack", value: { sequence: message.value!.sequence } } };
    }
  };
  const welcomed = Promise.withResolvers<void>();
  const seen: unknown[] = [];
  async function* requests() {
    yield { message: { case: "hello" as const, value: { producerId: "p" } } };
    await welcomed.promise;
    yield { message: { case: "batch" as const, value: { sequence: 5n } } };
  }
  for await (const { message } of createClient(
    IngestService,
    transports["gRPC by grpc-js"]!,
  ).ingest(requests())) {
    seen.push(message.case);
    welcomed.resolve();
  }
  expect(seen).toEqual(["welcome", "ack"]);
});
