// Requests to start from: a valid one for each method, as bytes and as JSON, and wild ones.
import { create, type DescMethod, type JsonObject, toBinary, toJson } from "@bufbuild/protobuf";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { hostileNames, plantNames } from "../../codec/testing/machine-names.ts";
import type { Random } from "./random.ts";

export const methods: readonly DescMethod[] = [SignalService, IngestService, Health].flatMap(
  (service) => service.methods,
);

const time = (secondsAgo: number) => ({
  seconds: BigInt(Math.floor(Date.now() / 1000) - secondsAgo),
  nanos: 0,
});
const grid = () => ({
  case: "grid" as const,
  value: { startUs: BigInt(Date.now() - 9_000) * 1000n, periodUs: 10_000n },
});
/** Signals that are steps or counters, and one whose type changes from batch to batch. */
const typed = (random: Random) => ({
  ...random.pick([
    { signal: "valve", sampleType: SampleType.STEP },
    { signal: "meter", sampleType: SampleType.COUNTER },
    { signal: "odd", sampleType: random.pick([-1, 0, 1, 2, 3, 4, 0x7fffffff]) },
  ]),
  values: [1, 0, 1e308, -1e308],
  times: grid(),
});
const batch = (random: Random, machine: string) => ({
  machine,
  stateChanges: [{ time: time(5), state: 1, reason: "fuzz" }],
  errorReports: [{ time: time(4), severity: 2, code: "E1", message: "fuzz" }],
  samples: [
    {
      signal: "power",
      unit: "W",
      values: [1, 2, 3],
      times: grid(),
    },
    typed(random),
  ],
});

/** Names that plants use, and some that no machine may have. */
const oddNames = [
  ...plantNames,
  ...plantNames.map((name) => name.normalize("NFD")),
  ...hostileNames.map(([, name]) => name),
];

export const oddName = (random: Random): string => random.pick(oddNames);

/** A valid request, by the name of its message. */
function rightRequest(random: Random, name: string): object {
  const range = {
    startTime: time(60),
    endTime: time(0),
    machines: random.pick([
      [],
      ["mill-1"],
      ["fuzz-1", "nobody"],
      [oddName(random), oddName(random)],
    ]),
    labels: random.pick([[], [], ["line:3"], ["line:3", "line:4", "hall:n"], [oddName(random)]]),
  };
  const requests: Record<string, () => object> = {
    QuerySignalsRequest: () => ({
      ...range,
      signal: random.pick(["power", "state", "error"]),
      pageSize: random.below(50),
    }),
    ReadSignalsRequest: () => ({ ...range, format: random.below(3) }),
    AggregateSamplesRequest: () => ({
      ...range,
      signals: random.pick([["power"], ["valve"], ["meter"], ["power", "odd"]]),
      resolution: random.pick([
        { case: "points", value: 1 + random.below(50) },
        anyCalendar(random),
      ]),
    }),
    SummarizeMachinesRequest: () => ({
      ...range,
      groupByLabel: random.pick(["", "line", "hall", oddName(random)]),
    }),
    ListMachinesRequest: () => ({ labels: range.labels, pageSize: random.below(5) }),
    GetMachineRequest: () => ({ machine: random.pick(["mill-1", "nobody", oddName(random)]) }),
    UpdateMachineRequest: () => ({
      machine: random.pick(["mill-1", `fuzz-${random.below(3)}`, oddName(random)]),
      displayName: random.pick([undefined, "", "Mill 1", oddName(random)]),
      labels: random.pick([{}, { line: "3" }, { line: "" }, { hall: oddName(random), Bad: "x" }]),
      replaceLabels: random.chance(0.3),
    }),
    AggregateStatesRequest: () => ({ ...range, resolution: anyCalendar(random) }),
    ListStateIntervalsRequest: () => ({ ...range, pageSize: random.below(50) }),
    WatchSignalsRequest: () => ({
      signals: random.pick([[], ["state"]]),
      labels: range.labels,
    }),
    IngestRequest: () => ({
      message: {
        case: "hello",
        value: { producerId: `fuzz-${random.below(5)}`, lastAckedSequence: 0n },
      },
    }),
    IngestBatchRequest: () => ({
      producerId: `fuzz-${random.below(1000)}`,
      sequence: 1n,
      batch: batch(random, random.chance(0.7) ? `fuzz-${random.below(3)}` : oddName(random)),
    }),
    RedeclareSignalRequest: () => ({
      machine: `fuzz-${random.below(3)}`,
      signal: random.pick(["power", "valve", "meter", "odd", "state"]),
      unit: random.pick([undefined, "W", "kWh", ""]),
      maxGap: random.pick([
        undefined,
        { seconds: 1n, nanos: 0 },
        { seconds: 10n ** 11n, nanos: 0 },
      ]),
      sampleType: random.pick([0, 1, 2, 3, 9]),
    }),
  };
  return requests[name]?.() ?? {};
}

export function rightBytes(random: Random, { input }: DescMethod): Buffer {
  return Buffer.from(toBinary(input, create(input, rightRequest(random, input.name) as never)));
}

export function rightJson(random: Random, { input }: DescMethod): JsonObject {
  return toJson(input, create(input, rightRequest(random, input.name) as never)) as JsonObject;
}

const wildValues: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  "NaN",
  "",
  "\u0000",
  "\ud800",
  "a".repeat(5_000),
  "9999-12-31T23:59:59Z",
  "-15m",
  [],
  {},
  [[[[[]]]]],
  "0x10",
  Number.MAX_SAFE_INTEGER,
  "9".repeat(40),
  { seconds: "99999999999999" },
  "../../etc",
  "power;drop table log",
  "%00",
];

/** The same with a field made wild, removed or added. */
export function wildJson(random: Random, json: JsonObject): JsonObject {
  const wild: JsonObject = { ...json };
  const key = random.pick([...Object.keys(wild), "unknown", "machines", "pageToken", "sequence"]);
  wild[key] = random.pick(wildValues) as never;
  return wild;
}

function anyCalendar(random: Random) {
  const value = {
    timeZone: random.pick(["Europe/Berlin", "UTC", "Pacific/Apia", "Mars/Base"]),
    unit: random.below(8),
    dayStart: random.pick(["", "06:00", "24:00"]),
    shiftStarts: random.pick([[], ["06:00", "14:00", "22:00"], ["6"]]),
  };
  return { case: "calendar", value };
}
