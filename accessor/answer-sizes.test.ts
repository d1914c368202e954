// A plain gRPC client with default options, which accepts 4 MiB, can call every RPC with the
// largest requests that the contract permits.
import { create, type DescMethod, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { IngestRequestSchema, IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { StateChangeSchema } from "#gen/millrace/v1/signal_pb.ts";
import { ReadFormat, SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { maxSentBytes } from "../runtime/grpc/message-limits.ts";
import { openTestAccessor, type TestAccessor } from "./testing/accessor.ts";
import { at, epochUs } from "./testing/batches.ts";
import { fillLargest, longMachine } from "./testing/largest-data.ts";

let accessor: TestAccessor;
let client: Client;
let beforeAllOfIt: string;
const hourUs = 3_600_000_000;

beforeAll(async () => {
  accessor = await openTestAccessor();
  client = new Client(`127.0.0.1:${accessor.port}`, credentials.createInsecure());
  beforeAllOfIt = (await accessor.signals.getLatest({})).cursor;
  await fillLargest(accessor);
  // An accessor that opens now reads the rows that were written directly.
  const written = accessor;
  accessor = await openTestAccessor({ databaseUrl: written.databaseUrl });
  first = written;
  client.close();
  client = new Client(`127.0.0.1:${accessor.port}`, credentials.createInsecure());
}, 300_000);
let first: TestAccessor | undefined;
afterAll(async () => {
  client.close();
  await accessor[Symbol.asyncDispose]();
  await first?.[Symbol.asyncDispose]();
});

type Answer = Message & Record<string, unknown>;

/** Answers of a call, until enough; each as the bytes received. */
async function call(
  method: DescMethod,
  requests: Record<string, unknown>[],
  enough: (answer: Answer) => boolean = () => false,
) {
  const sizes: number[] = [];
  const answers: Answer[] = [];
  const stream = client.makeBidiStreamRequest(
    `/${method.parent.typeName}/${method.name}`,
    (request: Record<string, unknown>) =>
      Buffer.from(toBinary(method.input, create(method.input, request))),
    (bytes: Buffer) => {
      sizes.push(bytes.byteLength);
      return fromBinary(method.output, bytes) as Answer;
    },
    new Metadata(),
  );
  for (const request of requests) stream.write(request);
  stream.end();
  try {
    for await (const answer of stream as AsyncIterable<Answer>) {
      answers.push(answer);
      if (enough(answer)) break;
    }
  } catch (error) {
    if ((error as { code?: number }).code !== 1) throw error;
  } finally {
    stream.cancel();
  }
  return {
    answers,
    largest: sizes.reduce((most, size) => Math.max(most, size), 0),
    count: sizes.length,
  };
}

/**
 * Reads a unary call page by page. Returns the size of each page, and how many items the list has
 * in all pages together.
 */
async function pages(method: DescMethod, request: object, list: string) {
  let [items, largest, count] = [0, 0, 0];
  for (let pageToken = ""; ; ) {
    const { answers, largest: size } = await call(method, [{ ...request, pageToken }]);
    const [answer] = answers;
    largest = Math.max(largest, size);
    count++;
    items += (answer![list] as unknown[]).length;
    pageToken = answer!["nextPageToken"] as string;
    if (pageToken === "") return { items, largest, count };
  }
}

const wide = { startTime: at(epochUs), endTime: at(epochUs + hourUs) };
const { method } = SignalService;
type Outcome = { largest: number; [key: string]: unknown };

// A verdict for every record.
const stateChanges = Array.from({ length: 65_536 }, (_, i) =>
  create(StateChangeSchema, i % 2 === 0 ? { time: at(epochUs), state: 0 } : { state: 1 }),
);

const ten = Array.from({ length: 10 }, (_, i) => longMachine(i + 1, "n"));
const most = { resolution: { case: "width", value: { nanos: 360_000_000 } } };

/** Every RPC of every service, with the sizes of its largest answers. */
const power = { machine: "far", signal: "power" };
const table: Record<string, () => Promise<Outcome>> = {
  "SignalService/ListMachines": () => pages(method.listMachines, { pageSize: 1_000 }, "machines"),
  "SignalService/ListSignals": () => pages(method.listSignals, {}, "signals"),
  "SignalService/QuerySignals": async () => {
    const one = async (signal: string) =>
      pages(method.querySignals, { signal, pageSize: 10_000 }, "signals");
    const [errors, states] = [await one("error"), await one("state")];
    const samples = await call(method.querySignals, [{ signal: "power", pageSize: 10_000 }]);
    return {
      errors: errors.items,
      states: states.items,
      samples: (samples.answers[0]!["signals"] as unknown[]).length,
      largest: Math.max(errors.largest, states.largest, samples.largest),
    };
  },
  "SignalService/ReadSignals": async () => {
    const sums = { samples: 0, events: 0 };
    let largest = 0;
    for (const format of [ReadFormat.COLUMNS, ReadFormat.BLOCKS]) {
      const { answers, largest: size } = await call(method.readSignals, [{ format }]);
      largest = Math.max(largest, size);
      if (format === ReadFormat.BLOCKS) continue;
      type Columns = {
        batches: { samples: { values: unknown[] }[]; stateChanges: []; errorReports: [] }[];
      };
      for (const { batches } of answers as unknown as Columns[]) {
        for (const { samples, stateChanges, errorReports } of batches) {
          for (const { values } of samples) sums.samples += values.length;
          sums.events += stateChanges.length + errorReports.length;
        }
      }
    }
    return { ...sums, largest };
  },
  "SignalService/GetLatest": () => pages(method.getLatest, {}, "signals"),
  "SignalService/AggregateStates": () =>
    pages(method.aggregateStates, { ...wide, machines: ten, ...most }, "machines"),
  "SignalService/AggregateSamples": async () => {
    const buckets = { ...wide, signals: ["power"] };
    const all = await pages(
      method.aggregateSamples,
      { ...buckets, machines: ten, ...most },
      "series",
    );
    const more = Array.from({ length: 40 }, (_, i) => longMachine(i + 1, "n"));
    const plain = await call(method.aggregateSamples, [{ ...buckets, machines: more }]);
    return {
      series: all.items,
      byDefault: (plain.answers[0]!["series"] as unknown[]).length,
      more: plain.answers[0]!["nextPageToken"],
      largest: Math.max(all.largest, plain.largest),
    };
  },
  "SignalService/SummarizeMachines": async () => {
    const { answers, largest } = await call(method.summarizeMachines, [wide]);
    const [{ machines, nextPageToken }] = answers as unknown as [
      { machines: { machine: string }[]; nextPageToken: string },
    ];
    const { answers: next } = await call(method.summarizeMachines, [
      { ...wide, pageSize: 3, pageToken: nextPageToken },
    ]);
    const [more] = next as unknown as [{ machines: { machine: string }[] }];
    return {
      largest,
      some: machines.length > 100,
      goesOn: machines.at(-1)!.machine < more.machines[0]!.machine,
      onTheNext: more.machines.length,
    };
  },
  "SignalService/ListStateIntervals": () =>
    pages(method.listStateIntervals, { pageSize: 10_000 }, "intervals"),
  "SignalService/GetVersion": () =>
    call(method.getVersion, [{ query: { case: "querySignals", value: { signal: "power" } } }]),
  "SignalService/WatchSignals": async () => {
    const seen = { samples: 0, events: 0 };
    const start = { case: "afterCursor", value: beforeAllOfIt };
    const head = (await accessor.signals.getLatest({ pageSize: 1 })).cursor;
    type Message = {
      batches: { samples: { values: unknown[] }[]; stateChanges: []; errorReports: [] }[];
      through: string;
    };
    const { largest } = await call(method.watchSignals, [{ start }], (message) => {
      const { batches, through } = message as unknown as Message;
      for (const { samples, stateChanges, errorReports } of batches) {
        for (const { values } of samples) seen.samples += values.length;
        seen.events += stateChanges.length + errorReports.length;
      }
      return through === head;
    });
    return { ...seen, largest };
  },
  "IngestService/IngestBatch": async () => {
    const batch = { machine: "bad", stateChanges };
    const { answers, largest } = await call(IngestService.method.ingestBatch, [
      { producerId: "bad", sequence: 1n, batch },
    ]);
    const [{ result }] = answers as unknown as [{ result: { verdicts: unknown[] } }];
    return { largest, verdicts: result.verdicts.length };
  },
  "IngestService/IngestBatches": async () => {
    const each = Math.floor(stateChanges.length / 1_024);
    const batches = Array.from({ length: 1_024 }, (_, i) => ({
      machine: "bad",
      stateChanges: stateChanges.slice(i * each, (i + 1) * each),
    }));
    const { answers, largest } = await call(IngestService.method.ingestBatches, [
      { producerId: "bad-many", sequence: 1n, batches },
    ]);
    const [{ results }] = answers as unknown as [{ results: { verdicts: unknown[] }[] }];
    return { largest, verdicts: results.reduce((sum, one) => sum + one.verdicts.length, 0) };
  },
  "IngestService/Ingest": async () => {
    const hello = create(IngestRequestSchema, {
      message: { case: "hello", value: { producerId: "bad", lastAckedSequence: 1n } },
    });
    const batches = Array.from({ length: 6 }, (_, i) =>
      create(IngestRequestSchema, {
        message: {
          case: "batch",
          value: { sequence: BigInt(i + 2), batch: { machine: "bad", stateChanges } },
        },
      }),
    );
    const { answers, largest } = await call(IngestService.method.ingest, [hello, ...batches]);
    type Response = { message: { case: string; value: { results: unknown[] } } };
    const acks = (answers as unknown as Response[]).filter(({ message }) => message.case === "ack");
    return {
      largest,
      results: acks.reduce((sum, { message }) => sum + message.value.results.length, 0),
    };
  },
  "IngestService/RedeclareSignal": () =>
    call(IngestService.method.redeclareSignal, [{ ...power, unit: "W" }]),
  "MachineService/GetMachine": () =>
    call(MachineService.method.getMachine, [{ machine: longMachine(1, "n") }]),
  "MachineService/UpdateMachine": () =>
    call(MachineService.method.updateMachine, [{ machine: longMachine(1, "n"), displayName: "N" }]),
  "AccessService/WhoAmI": () => call(AccessService.method.whoAmI, [{}]),
  "StatusService/GetStatus": () => call(StatusService.method.getStatus, [{}]),
  "Health/Check": () => call(Health.method.check, [{}]),
  "Health/List": () => call(Health.method.list, [{}]),
  "Health/Watch": () => call(Health.method.watch, [{}], () => true),
};

test("the table has every RPC", () => {
  const all = [
    SignalService,
    IngestService,
    MachineService,
    AccessService,
    StatusService,
    Health,
  ].flatMap(({ name, methods }) => methods.map((one) => `${name}/${one.name}`));
  expect(Object.keys(table).sort()).toEqual(all.sort());
});

const expected: Record<string, object> = {
  "SignalService/ListMachines": { items: 13_005 },
  "SignalService/ListSignals": { items: 40_003 },
  "SignalService/QuerySignals": {
    errors: 2 * 1_950 + 4_000 + 500 * 60,
    states: 14_000,
    samples: 10_000,
  },
  "SignalService/ReadSignals": {
    samples: 16 * 65_536,
    events: 2 * 1_950 + 4_000 + 500 * 60 + 14_000,
  },
  "SignalService/GetLatest": { items: 505 },
  "SignalService/AggregateSamples": { series: 10, byDefault: 40, more: "" },
  "SignalService/AggregateStates": { items: 10 },
  "SignalService/SummarizeMachines": { some: true, goesOn: true, onTheNext: 3 },
  "SignalService/ListStateIntervals": { items: 14_000 },
  "SignalService/WatchSignals": { samples: 16 * 65_536, events: 2 * 1_950 + 4_000 + 14_000 },
  "IngestService/IngestBatch": { verdicts: 65_536 },
  "IngestService/IngestBatches": { verdicts: 65_536 },
  "IngestService/Ingest": { results: 6 },
};

test.each(Object.keys(table))("%s", { timeout: 120_000 }, async (name) => {
  const outcome = await table[name]!();
  expect(outcome).toMatchObject(expected[name] ?? {});
  expect(outcome.largest).toBeLessThanOrEqual(maxSentBytes);
});
