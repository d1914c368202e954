// For tests: an accessor's answers to every call, each optional field once present and once absent.
import type { ServiceImpl } from "@connectrpc/connect";
import { MachineState, SampleType, Severity, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { ProblemKind } from "#gen/millrace/v1/status_pb.ts";
import type { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { toTimestamp } from "../rest/time.ts";

export const nowUs = 1_772_352_000_000_000n;
/** What `nowUs` reads as. */
export const nowText = "2026-03-01T08:00:00Z";

const at = (seconds: number) => toTimestamp(nowUs + BigInt(Math.round(seconds * 1e6)));
const span = (seconds: number) => ({
  seconds: BigInt(Math.floor(seconds)),
  nanos: Math.round((seconds - Math.floor(seconds)) * 1e9),
});

const records = [
  {
    signal: "power",
    machine: "mill-1",
    time: at(0),
    record: { case: "value" as const, value: 412.3 },
  },
  {
    signal: "power",
    machine: "mill-1",
    time: at(0.01),
    record: { case: "value" as const, value: -0 },
  },
  {
    signal: "state",
    machine: "mill-1",
    time: at(0),
    record: {
      case: "stateChange" as const,
      value: { state: MachineState.FAULT, reason: 'jam, "again"' },
    },
    silentSinceTime: at(660),
  },
  {
    signal: "error",
    machine: "mill-2",
    time: at(0.000001),
    record: {
      case: "errorReport" as const,
      value: { severity: Severity.ERROR, code: "E1", message: "hot\nvery" },
    },
  },
];

const batches = [
  {
    machine: "mill-1",
    samples: [
      {
        signal: "power",
        times: { case: "grid" as const, value: { startUs: nowUs, periodUs: 10_000n } },
        values: [412.3, -0, 5e-324],
      },
    ],
  },
  {
    machine: "mill-2",
    samples: [
      {
        signal: "power",
        times: { case: "deltas" as const, value: { deltaUs: [nowUs + 1n, 9_999n] } },
        values: [1, 2],
      },
    ],
  },
];

const sparse = [
  {
    machine: "mill-1",
    stateChanges: [{ time: at(1), state: MachineState.IDLE, reason: 'jam, "again"' }],
    errorReports: [{ time: at(2), severity: Severity.CRITICAL, code: "E2", message: "" }],
  },
  {
    machine: "mill-2",
    stateChanges: [{ time: at(0.5), state: MachineState.OFF, reason: "" }],
    errorReports: [],
  },
];

const bucket = {
  startTime: at(0),
  endTime: at(60),
  count: 6_000n,
  min: 1,
  max: 9.5,
  mean: 4.25,
  timeWeightedMean: 4.26,
  first: 2,
  last: -0,
  minTime: at(1),
  maxTime: at(2.5),
  firstTime: at(0),
  lastTime: at(59.99),
  integral: 255.6,
  coverage: 0.75,
};

const summary = {
  machine: "mill-1",
  startTime: at(-3_600),
  endTime: at(0),
  transitions: 3n,
  availability: 0.9,
  states: [
    { state: MachineState.UNSPECIFIED, time: span(0.000001), energyKwh: 0 },
    {
      state: MachineState.ACTIVE,
      time: span(3_599.999999),
      energyKwh: 1.5,
      energyCoverage: 1,
      silentTime: span(1_320),
    },
  ],
  silenceTolerance: span(600),
  energy: {
    energyKwh: 1.5,
    coverage: 1,
    method: "trapezoid",
    maxGap: span(1),
    meanPowerW: 1_500,
    peakPowerW: 2_000.5,
    peakTime: at(-60),
  },
  errors: {
    count: 3n,
    bySeverity: [
      { severity: Severity.CRITICAL, count: 1n },
      { severity: Severity.INFO, count: 2n },
    ],
    byCode: [{ code: "E1", count: 3n }],
    otherCodes: 0n,
    perActiveHour: 3,
    meanActiveTimeBetween: span(1_199.5),
  },
};

const interval = {
  machine: "mill-1",
  state: MachineState.FAULT,
  reason: 'jam, "again"',
  startTime: at(-90),
  silentTime: span(30.5),
};

/** Handlers for every read; what they answer does not depend on the request, but for the signal. */
export function answerEverything(): Partial<ServiceImpl<typeof SignalService>> {
  return {
    listMachines: () => ({
      machines: [{ name: "mill-1", signals: ["power", "state"], firstSeenTime: at(-1) }],
      nextPageToken: "m2",
    }),
    listSignals: () => ({
      signals: [
        {
          name: "power",
          kind: SignalKind.NUMERIC,
          units: ["W"],
          maxGap: span(1.5),
          machineCount: 2,
        },
        { name: "state", kind: SignalKind.STATE, machineCount: 1 },
      ],
    }),
    querySignals: ({ signal, pageToken }) => ({
      signals: records.filter((record) => record.signal === signal),
      nextPageToken: pageToken === "" ? "t2" : "",
      cursor: "c7",
    }),
    async *readSignals({ signals }) {
      yield { cursor: "c7" };
      const [name] = signals;
      if (name !== "state" && name !== "error") return yield { cursor: "c7", batches };
      const kind = name === "state" ? "stateChanges" : "errorReports";
      yield {
        cursor: "c7",
        batches: sparse.map((batch) => ({ machine: batch.machine, [kind]: batch[kind] })),
      };
    },
    getLatest: () => ({ signals: records, cursor: "c7" }),
    aggregateSamples: () => ({
      series: [
        {
          machine: "mill-1",
          signal: "power",
          unit: "W",
          maxGap: span(1),
          buckets: [bucket, { startTime: at(60), endTime: at(120), integral: 0, coverage: 0 }],
        },
        { machine: "mill-2", signal: "power", unit: "", buckets: [] },
        {
          machine: "mill-3",
          signal: "power",
          unit: "kWh",
          maxGap: span(86_400),
          sampleType: SampleType.COUNTER,
          buckets: [
            { ...bucket, timeWeightedMean: undefined, integral: 0, increase: 7.5, rate: 0.125 },
          ],
        },
      ],
      cursor: "c7",
    }),
    summarizeMachines: ({ machines }) => ({
      machines:
        machines[0] === "nobody"
          ? []
          : [
              summary,
              { machine: "mill-2", startTime: at(-3_600), endTime: at(0), states: [], errors: {} },
            ],
      cursor: "c7",
    }),
    aggregateStates: () => ({
      machines: [
        {
          machine: "mill-1",
          silenceTolerance: span(2_700),
          buckets: [
            {
              startTime: at(-3_600),
              endTime: at(0),
              transitions: 3n,
              availability: 0.75,
              states: [
                { state: 0, time: span(600), energyKwh: 0.5, energyCoverage: 1 },
                {
                  state: 1,
                  time: span(3_000),
                  energyKwh: 1.5,
                  energyCoverage: 0.5,
                  silentTime: span(61.5),
                },
              ],
              energyKwh: 2,
              coverage: 0.5,
            },
            { startTime: at(0), endTime: at(60), states: [{ state: 4, time: span(60) }] },
          ],
        },
      ],
      cursor: "c7",
      endTime: at(60),
    }),
    listStateIntervals: ({ pageToken }) => ({
      intervals:
        pageToken === ""
          ? [{ ...interval, endTime: at(-0.5) }]
          : [{ ...interval, silentSinceTime: at(-29.5) }],
      endTime: at(0),
      nextPageToken: pageToken === "" ? "i2" : "",
      cursor: "c7",
    }),
    async *watchSignals() {
      yield { after: "c7", through: "c7", commitTime: at(0) };
      yield { after: "c7", through: "c8", batches };
      yield { after: "c8", through: "c9" };
    },
  };
}

/** A status with every field, and one problem. */
export const fullStatus: ServiceImpl<typeof StatusService>["getStatus"] = () => ({
  time: at(0),
  version: "1.2.3",
  databaseVersion: "18.4",
  schemaVersion: "0051_any.sql",
  startTime: at(-60),
  cursor: "c7",
  commitTime: at(-0.5),
  machines: 7n,
  stored: { batches: 1, records: 100, bytes: 150.5 },
  feeds: { open: 2, sent: { batches: 2, records: 200, bytes: 900 } },
  history: {
    compactedTime: at(-30),
    lagCommits: 3n,
    lag: span(61.5),
    logBytes: 4096n,
    logWindow: span(86_400),
    retention: span(864_000),
  },
  problems: [{ kind: ProblemKind.HISTORY_BEHIND, message: "It is behind." }],
});
