// Bad batches get a typed, helpful answer over gRPC and Connect; good records beside them are
// stored, and the stream continues.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { ErrorReason, ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import type { BatchResult, IngestRequestSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type BatchSchema,
  MachineState,
  type SamplesSchema,
  Severity,
} from "#gen/millrace/v1/signal_pb.ts";
import { type Clients, gatewayClients, grpcClients } from "./testing/ask.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startGateway } from "./testing/processes.ts";

type BatchInit = MessageInitShape<typeof BatchSchema>;

const stack = new AsyncDisposableStack();
let grpc: Clients;
let connect: Clients;

beforeAll(async () => {
  const database = stack.use(await testDatabase());
  const accessor = stack.use(await startAccessor(database.url));
  const gateway = stack.use(await startGateway(accessor.url));
  grpc = stack.use(grpcClients(accessor.url));
  connect = gatewayClients(gateway.url)["Connect JSON"]!;
});
afterAll(() => stack.disposeAsync());

const startMs = Date.UTC(2026, 2, 1, 8);
const year9999Ms = Date.UTC(9999, 11, 31);

function samples(
  values: number[],
  ms = startMs,
  signal = "power",
): MessageInitShape<typeof SamplesSchema> {
  const grid = { startUs: BigInt(ms) * 1000n, periodUs: 10_000n };
  return { signal, unit: "W", times: { case: "grid", value: grid }, values };
}

const error = (text: string, ms = startMs) => ({
  time: timestampFromMs(ms),
  severity: Severity.ERROR,
  code: "E1",
  message: text,
});

/**
 * A case: the request (with three good samples in it, if it has room), the answer, and how many
 * good records remain.
 */
type Case = {
  name: string;
  batch: (machine: string) => BatchInit;
  reason: string;
  says: RegExp;
  stored: number;
};

const verdictCases: Case[] = [
  {
    name: "NaN and infinity",
    batch: (machine) => ({
      machine,
      samples: [samples([1, Number.NaN, 2, Number.POSITIVE_INFINITY, 3])],
    }),
    reason: "VALUE_NOT_FINITE",
    says: /leave the sample out/,
    stored: 3,
  },
  {
    name: "a time in year 9999",
    batch: (machine) => ({ machine, samples: [samples([1, 2, 3]), samples([4], year9999Ms)] }),
    reason: "TIME_IN_FUTURE",
    says: /9999-12-31.*more than 5 minutes ahead/,
    stored: 3,
  },
  {
    name: "an error report in year 9999",
    batch: (machine) => ({
      machine,
      samples: [samples([1, 2, 3])],
      errorReports: [error("x", year9999Ms)],
    }),
    reason: "TIME_IN_FUTURE",
    says: /ahead/,
    stored: 3,
  },
  {
    name: "U+0000 in a text",
    batch: (machine) => ({ machine, samples: [samples([1, 2, 3])], errorReports: [error("a\0b")] }),
    reason: "TEXT_INVALID",
    says: /U\+0000/,
    stored: 3,
  },
  {
    name: "no state",
    batch: (machine) => ({
      machine,
      samples: [samples([1, 2, 3])],
      stateChanges: [{ time: timestampFromMs(startMs), state: MachineState.UNSPECIFIED }],
    }),
    reason: "STATE_REQUIRED",
    says: /state/,
    stored: 3,
  },
  {
    name: "a signal's name",
    batch: (machine) => ({
      machine,
      samples: [samples([1, 2, 3]), samples([1], startMs, "Öl Druck")],
    }),
    reason: "SIGNAL_NAME_INVALID",
    says: /\[a-z\]/,
    stored: 3,
  },
];

const refusalCases: Case[] = [
  {
    name: "a machine's name",
    batch: (machine) => ({ machine: `${machine}\u202e7`, samples: [samples([1])] }),
    reason: "MACHINE_NAME_INVALID",
    says: /U\+202E.*format character/,
    stored: 0,
  },
  {
    name: "U+0000 in a machine's name",
    batch: (machine) => ({ machine: `${machine}\0`, samples: [samples([1])] }),
    reason: "MACHINE_NAME_INVALID",
    says: /U\+0000.*control character/,
    stored: 0,
  },
  {
    name: "10 MB",
    batch: (machine) => ({ machine, samples: [samples(new Array(1_300_000).fill(0.1))] }),
    reason: "BATCH_TOO_LARGE",
    says: /at most/,
    stored: 0,
  },
  {
    name: "nothing",
    batch: (machine) => ({ machine }),
    reason: "BATCH_EMPTY",
    says: /no record/,
    stored: 0,
  },
];

const word = (reason: ErrorReason | undefined) => ErrorReasonSchema.value[reason ?? 0]!.localName;

function expectResult(result: BatchResult | undefined, { reason, says }: Case): void {
  const said = result?.refusal ?? result?.verdicts[0];
  expect(word(said?.reason)).toBe(reason);
  expect(said?.message).toMatch(says);
  for (const verdict of result?.verdicts ?? [])
    expect(verdict.reason).toBe(ErrorReason[reason as keyof typeof ErrorReason]);
}

async function countStored(machine: string): Promise<number> {
  const { signals } = await grpc.signals.querySignals({ signal: "power", machines: [machine] });
  return signals.length;
}

test("Connect: 10 MB in JSON is refused before it is read, with the limit, and the next is taken", async () => {
  const large = refusalCases.find(({ name }) => name === "10 MB")!;
  const send = (batch: BatchInit) =>
    connect.ingest.ingestBatch({ producerId: "connect-large", sequence: 1n, batch });
  const told = await send(large.batch("connect-large")).catch((cause) => ConnectError.from(cause));
  if (!(told instanceof ConnectError)) throw new Error("a batch of 10 MB was taken");
  expect(told.code).toBe(Code.ResourceExhausted);
  expect(told.findDetails(ErrorInfoSchema)[0]).toMatchObject({
    reason: "MESSAGE_TOO_LARGE",
    metadata: { limit: "decoded-bytes" },
  });
  expect(
    (await send({ machine: "connect-large", samples: [samples([9])] })).result?.verdicts,
  ).toEqual([]);
});

// A message that is too large as JSON may never reach the accessor.
const inJson = refusalCases.filter(({ name }) => name !== "10 MB").concat(verdictCases);
test.each(inJson)("Connect: $name", async (one) => {
  const machine = `connect-${one.name.replaceAll(/[^a-zA-Z0-9]/g, "")}`;
  const request = { producerId: machine, sequence: 1n, batch: one.batch(machine) };
  expectResult((await connect.ingest.ingestBatch(request)).result, one);
  const next = await connect.ingest.ingestBatch({
    producerId: machine,
    sequence: 2n,
    batch: { machine, samples: [samples([9], startMs + 1000)] },
  });
  expect(next.result).toMatchObject({ sequence: 2n, duplicate: false, verdicts: [] });
  expect(next.result?.refusal).toBeUndefined();
  expect(await countStored(machine)).toBe(one.stored + 1);
});

test("gRPC: one stream takes every bad batch, answers each, and stores the good records beside and between them", async () => {
  const all = verdictCases.concat(refusalCases);
  const welcomed = Promise.withResolvers<void>();
  async function* requests(): AsyncGenerator<MessageInitShape<typeof IngestRequestSchema>> {
    yield { message: { case: "hello", value: { producerId: "stream" } } };
    await welcomed.promise;
    let sequence = 0n;
    for (const [i, one] of all.entries()) {
      yield {
        message: {
          case: "batch",
          value: { sequence: ++sequence, batch: one.batch(`stream-${i}`) },
        },
      };
      const good = { machine: `stream-${i}`, samples: [samples([9], startMs + 1000)] };
      yield { message: { case: "batch", value: { sequence: ++sequence, batch: good } } };
    }
  }
  const results = new Map<bigint, BatchResult>();
  let acked = 0n;
  for await (const { message } of grpc.ingest.ingest(requests())) {
    if (message.case === "welcome") welcomed.resolve();
    if (message.case !== "ack") continue;
    acked = message.value.sequence;
    for (const result of message.value.results) results.set(result.sequence, result);
  }
  expect(acked).toBe(BigInt(2 * all.length));
  expect([...results.keys()]).toEqual(all.map((_, i) => BigInt(2 * i + 1)));
  for (const [i, one] of all.entries()) {
    expectResult(results.get(BigInt(2 * i + 1)), one);
    expect(await countStored(`stream-${i}`), one.name).toBe(one.stored + 1);
  }
});
