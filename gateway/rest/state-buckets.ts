// GET /signals/state/buckets: the states of machines by spans of time, by machine in JSON and as
// rows in NDJSON and CSV.
import { MachineStateSchema } from "#gen/millrace/v1/signal_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import type { MachineStateBuckets, StateBucket } from "#gen/millrace/v1/summary_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import { timeText } from "../../codec/row/time-text.ts";
import { lazyList } from "../encoding/json-in-turns.ts";
import { type RestAnswer, type RestCall, route, type VersionQuery } from "./call.ts";
import { label } from "./label-parameter.ts";
import { echoRange, fetchPages, toRangeFields } from "./page.ts";
import type { ValuesOf } from "./parameters.ts";
import { resolutionFields, resolutionOf, resolutionParameters } from "./resolution.ts";
import { machine, minCursor, names, times, windowEnd, windowStart } from "./route-parameters.ts";
import { schemaOf } from "./schemas.ts";
import { toAbsence, toStates } from "./summaries.ts";
import { answerTable, type TableRow, toFileName } from "./table.ts";
import { toSeconds } from "./time.ts";
import { wordsOf } from "./words.ts";

const query = {
  machine,
  label,
  from: windowStart,
  to: windowEnd,
  ...resolutionParameters,
  min_cursor: minCursor,
};
type Query = typeof query;

const states = ["UNKNOWN", ...wordsOf(MachineStateSchema)].map((word) => word.toLowerCase());

/** The columns of a row of NDJSON and CSV. */
const columns = [
  "machine",
  "time",
  "end_time",
  ...states.map((state) => `${state}_seconds`),
  ...states.map((state) => `${state}_kwh`),
  "transitions",
  "availability",
  "energy_kwh",
  "coverage",
  ...states.map((state) => `${state}_silent_seconds`),
];

export const stateBucketsRoute = route({
  method: "GET",
  path: "/signals/state/buckets",
  summary: "Time and energy by state in spans of time",
  doc:
    "Of each machine, for each span the time in each state and the energy meanwhile, transitions, availability and the energy of all states: " +
    "for each span the same as /machines/summary says of it alone. Spans are as in /signals/{type}/buckets. In NDJSON and CSV, one row for each span, " +
    "with seconds, kWh and silent seconds of each state. At most 10,000 spans a machine and 100,000 in all.",
  rpc: SignalService.method.aggregateStates,
  query,
  required: ["from"],
  formats: ["json", "ndjson", "csv"],
  answer: {
    json: schemaOf("StateBucketSeries"),
    line: schemaOf("StateBucketRow"),
    csv: columns.join(","),
  },
  example: "/signals/state/buckets?from=-7d&days=Europe/Berlin",
  parameterByField: { ...names, ...times, ...resolutionFields },
  cache: { queryOf: queryOfStates, wholeSeconds: true },
  handle: aggregateStates,
});

const rangeOf = ({ from, to }: ValuesOf<Query>) => ({ from: from?.us, to: to?.us });

function toRequest({ query: asked }: RestCall<Query>) {
  return {
    machines: asked.machine ?? [],
    labels: asked.label ?? [],
    ...toRangeFields(rangeOf(asked)),
    ...resolutionOf(asked),
    minCursor: asked.min_cursor ?? "",
  };
}

function queryOfStates(call: RestCall<Query>): VersionQuery {
  return { case: "aggregateStates", value: toRequest(call) };
}

async function aggregateStates(call: RestCall<Query>): Promise<RestAnswer> {
  const { format, csvSafe, upstream, unary } = call;
  const request = toRequest(call);
  // Reads all pages of the accessor, since the total number of buckets is bounded.
  let end: string | undefined;
  const { cursor, cut, pages } = await fetchPages(async ({ pageToken }) => {
    const { machines, endTime, ...rest } = await upstream.signals.aggregateStates(
      { ...request, pageToken },
      unary,
    );
    end = timeText(endTime);
    return { ...rest, items: machines };
  }, undefined);
  const { from, to = end } = echoRange(rangeOf(call.query));
  if (format === "json") {
    const machines: ReturnType<typeof toMachine>[] = [];
    for await (const page of pages) for (const one of page) machines.push(toMachine(one));
    return { body: { machines, from, to: end, cursor } };
  }
  const fileName = toFileName(["states", from, to]);
  return answerTable(rowsOf(pages), { format, columns, fileName, cursor, cut, safe: csvSafe });
}

const toMachine = ({
  machine: name,
  buckets,
  energyAbsence,
  silenceTolerance,
}: MachineStateBuckets) => ({
  machine: name,
  silence_tolerance_seconds: silenceTolerance && toSeconds(silenceTolerance),
  energy_absence: toAbsence(energyAbsence),
  buckets: lazyList(buckets, toBucket),
});

const toBucket = (bucket: StateBucket) => ({
  ...spanOf(bucket),
  states: toStates(bucket.states),
  ...restOf(bucket),
});

const spanOf = ({ startTime, endTime }: StateBucket) => ({
  time: timeText(startTime),
  end_time: timeText(endTime),
});

const restOf = ({ transitions, availability, energyKwh, coverage }: StateBucket) => ({
  transitions: Number(transitions),
  availability,
  energy_kwh: energyKwh,
  coverage,
});

/** How many rows are made before any of them is written. */
const rowsAtOnce = 256;

async function* rowsOf(pages: AsyncIterable<MachineStateBuckets[]>): AsyncGenerator<TableRow[]> {
  for await (const page of pages) {
    for (const { machine: name, buckets } of page)
      for (let at = 0; at < buckets.length; at += rowsAtOnce)
        yield buckets
          .slice(at, at + rowsAtOnce)
          .map((bucket) => ({ machine: name, ...toRow(bucket) }));
  }
}

/** A state without time has 0 seconds; its energy is missing, as is any unknown energy. */
function toRow(bucket: StateBucket): TableRow {
  const row: Record<string, number | undefined> = Object.fromEntries(
    states.flatMap((state) => [
      [`${state}_seconds`, 0],
      [`${state}_silent_seconds`, 0],
    ]),
  );
  for (const { state, time, energyKwh, energyCoverage, silentTime } of bucket.states) {
    const word = state === 0 ? "unknown" : String(toWord(MachineStateSchema, state)).toLowerCase();
    row[`${word}_seconds`] = time ? toSeconds(time) : 0;
    row[`${word}_silent_seconds`] = silentTime ? toSeconds(silentTime) : 0;
    if (energyCoverage > 0) row[`${word}_kwh`] = energyKwh;
  }
  return { ...spanOf(bucket), ...row, ...restOf(bucket) };
}
