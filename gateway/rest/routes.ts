// Every REST route, declared once: its name, its input, its RPC and its answer.
//
// Names: REST writes fields in lower_snake_case, as the contract does, and a record as one flat
// row, because rows are what people page through, filter with jq and load into tables. Enum values
// are written without their prefix ("ACTIVE"). Times are RFC 3339 in UTC with no, three or six
// digits of a second. Numbers of batches are texts, as 64-bit integers are in protobuf's JSON.
// Parameters have the names people try first: machine, from, to, limit.
import { MachineStateSchema, SeveritySchema } from "#gen/millrace/v1/signal_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { exportColumnsOf } from "../../codec/row/record-rows.ts";
import { aggregateSamples, bucketRowColumns, queryOfSamples } from "./buckets.ts";
import { type Route, route } from "./call.ts";
import { gatewayRoutes } from "./gateway-routes.ts";
import { intervalColumns, listStateIntervals, queryOfIntervals } from "./intervals.ts";
import { groupByLabel, label } from "./label-parameter.ts";
import { listMachines, machineRoutes } from "./machines.ts";
import { countParameter, textParameter, timeParameter, wordsParameter } from "./parameters.ts";
import { postRoute } from "./post-route.ts";
import { getLatest, listSignals, queryOfSignals, querySignals } from "./reads.ts";
import { redeclareRoute } from "./redeclare.ts";
import { reference } from "./reference.ts";
import { resolutionFields, resolutionParameters } from "./resolution.ts";
import {
  itemLimit,
  machine,
  minCursor,
  names,
  pageToken,
  rangeEnd,
  rangeStart,
  rowLimit,
  times,
  typeDoc,
  typesDoc,
  windowEnd,
  windowStart,
} from "./route-parameters.ts";
import { schemaOf } from "./schemas.ts";
import { stateBucketsRoute } from "./state-buckets.ts";
import { statusRoute } from "./status.ts";
import {
  queryOfMachine,
  queryOfMachines,
  summarizeMachine,
  summarizeMachines,
} from "./summaries.ts";
import { summaryParameterByField, summaryQuery } from "./summary-parameters.ts";
import { watchRoute } from "./watch-route.ts";

const declared: readonly Route[] = [
  route({
    method: "GET",
    path: "/signals",
    summary: "List signals",
    doc:
      "The catalogue of signals, ascending by name: kind (STATE, EVENT or NUMERIC), units, " +
      "max_gap and number of machines of each. One page holds them all, unless there are " +
      "about ten thousand or more.",
    rpc: SignalService.method.listSignals,
    query: { machine, label, limit: itemLimit, page_token: pageToken },
    formats: ["json"],
    answer: { json: schemaOf("SignalList") },
    example: "/signals",
    parameterByField: names,
    handle: listSignals,
  }),
  route({
    method: "GET",
    path: "/signals/{type}",
    pathDoc: { type: typeDoc },
    summary: "Records of one signal in a time range",
    doc:
      "Rows in order of time. `from` is inclusive, `to` is exclusive; the response repeats " +
      "both as they were resolved. If `next_page_token` is not empty, there are more rows: " +
      'repeat the request with `page_token`, or follow the Link header with rel="next". All ' +
      "pages show the same moment, which `cursor` names; a live feed after that cursor " +
      "continues from there. NDJSON and CSV have no pages: they stream the whole range, one " +
      "row a line, with unit, max_gap and sample_type, so a POST of the response stores the " +
      "same records. The header Millrace-Cursor has the cursor. If such a response fails " +
      "midway, the connection is closed.",
    rpc: SignalService.method.querySignals,
    query: {
      machine,
      label,
      from: rangeStart,
      to: rangeEnd,
      limit: rowLimit,
      page_token: pageToken,
      min_cursor: minCursor,
      severity: wordsParameter(
        SeveritySchema,
        "Only error reports of these severities; only for /signals/error.",
      ),
      code_prefix: textParameter(
        "Only error reports whose code begins so; only for /signals/error.",
      ),
      state: wordsParameter(
        MachineStateSchema,
        "Only changes into these states; only for /signals/state.",
      ),
    },
    formats: ["json", "ndjson", "csv"],
    answer: {
      json: schemaOf("RowPage"),
      line: schemaOf("Row"),
      csv: exportColumnsOf("power").join(","),
    },
    example: "/signals/power?from=-15m&limit=3",
    parameterByField: { ...names, ...times, severities: "severity", states: "state" },
    cache: { queryOf: queryOfSignals },
    handle: querySignals,
  }),
  route({
    method: "GET",
    path: "/signals/{type}/latest",
    pathDoc: { type: typeDoc },
    summary: "The newest record of each machine",
    doc:
      "One row for each machine that has a record, ascending by machine. The newest record is " +
      "the one with the latest time, not the last to arrive. A state says since when its " +
      "machine has been silent, if it is. If there are too many rows for one page, there are " +
      "further pages, as in /signals/{type}.",
    rpc: SignalService.method.getLatest,
    query: { machine, label, limit: itemLimit, page_token: pageToken, min_cursor: minCursor },
    formats: ["json"],
    answer: { json: schemaOf("LatestRows") },
    example: "/signals/state/latest",
    parameterByField: names,
    handle: getLatest,
  }),
  route({
    method: "GET",
    path: "/signals/{type}/buckets",
    pathDoc: { type: typesDoc },
    summary: "Samples aggregated by time span",
    doc:
      "For charts, reports and bills. For each machine, signal and span: count, min, max, " +
      "mean, time-weighted mean, first, last, integral and coverage; for a COUNTER, increase " +
      "and rate instead of the integral. The values are the same as if computed from all " +
      "samples. Spans have one width, or follow a calendar (shifts, days, weeks, months, " +
      "quarters or years of a time zone, cut at the ends of the window), or are about as many " +
      "as a plot has points. The default is 1,000 spans, or fewer so that all requested " +
      "series fit in one message: at least 100 each, as far as 100,000 in total allow. NDJSON " +
      "and CSV have one row for each bucket. At most 10,000 spans a series, and 100,000 in " +
      "total.",
    rpc: SignalService.method.aggregateSamples,
    query: {
      machine,
      label,
      from: windowStart,
      to: windowEnd,
      ...resolutionParameters,
      min_cursor: minCursor,
    },
    required: ["from"],
    formats: ["json", "ndjson", "csv"],
    answer: {
      json: schemaOf("BucketSeries"),
      line: schemaOf("BucketRow"),
      csv: bucketRowColumns.join(","),
    },
    example: "/signals/power/buckets?from=-1h&width=10m",
    parameterByField: { ...names, ...times, ...resolutionFields },
    cache: { queryOf: queryOfSamples, wholeSeconds: true },
    handle: aggregateSamples,
  }),
  stateBucketsRoute,
  route({
    method: "GET",
    path: "/signals/state/intervals",
    summary: "The timeline of states",
    doc:
      "The intervals that machines spent in their states, ascending by machine, then time. " +
      "The intervals of one machine have no gaps between them. An interval is complete even " +
      "if it begins before `from` or ends after `to`; one that has not ended has no end_time. " +
      "A state continues while its machine is silent: silent_seconds says for how much of the " +
      "interval it was. Pages work as in /signals/{type}.",
    rpc: SignalService.method.listStateIntervals,
    query: {
      machine,
      label,
      from: timeParameter("Intervals that end after this; from the first on if absent."),
      to: timeParameter("Intervals that begin before this; to the last if absent."),
      state: wordsParameter(MachineStateSchema, "Only intervals in these states."),
      limit: rowLimit,
      page_token: pageToken,
      min_cursor: minCursor,
    },
    formats: ["json", "ndjson", "csv"],
    answer: {
      json: schemaOf("IntervalPage"),
      line: schemaOf("Interval"),
      csv: intervalColumns.join(","),
    },
    example: "/signals/state/intervals?from=-1h&state=FAULT",
    parameterByField: { ...names, ...times, states: "state" },
    cache: { queryOf: queryOfIntervals, wholeSeconds: true },
    handle: listStateIntervals,
  }),
  watchRoute,
  postRoute,
  route({
    method: "GET",
    path: "/machines",
    summary: "List machines",
    doc:
      "Machines that have sent records or are described, ascending by name: what they are called " +
      "and labelled, the signals they have sent, and when they were first seen.",
    rpc: SignalService.method.listMachines,
    query: {
      label,
      limit: countParameter("How many in a page: 100 if absent, at most 1,000."),
      page_token: pageToken,
    },
    formats: ["json"],
    answer: { json: schemaOf("MachineList") },
    example: "/machines",
    parameterByField: names,
    handle: listMachines,
  }),
  route({
    method: "GET",
    path: "/machines/summary",
    summary: "What machines did in a window",
    doc:
      "The same as /machines/{machine}/summary for many machines, ascending by name. If " +
      "`next_page_token` is not empty, there are more pages: use it, or the Link header with " +
      'rel="next". All pages show the same moment and window. With `group_by_label`, the ' +
      "machines with each value of that label are added up, ascending by value, and last those " +
      "without the label.",
    rpc: SignalService.method.summarizeMachines,
    query: {
      ...summaryQuery,
      machine,
      label,
      group_by_label: groupByLabel,
      limit: countParameter("Maximum of a page. If absent: 1,000, or as many as a message holds."),
      page_token: pageToken,
    },
    required: ["from"],
    formats: ["json"],
    answer: { json: schemaOf("MachineSummaries") },
    example: "/machines/summary?from=-1h",
    parameterByField: summaryParameterByField,
    cache: { queryOf: queryOfMachines, wholeSeconds: true },
    handle: summarizeMachines,
  }),
  route({
    method: "GET",
    path: "/machines/{machine}/summary",
    pathDoc: { machine: "Name of the machine, percent-encoded: a slash in it is %2F." },
    summary: "What one machine did in a window",
    doc:
      "Time in each state, which adds up to the window (the state before the window counts " +
      "from its start, the last state to its end), and how much of it the machine was silent; " +
      "availability and transitions; energy in kWh with its coverage, by state, mean and peak " +
      "power, and peak demand if requested; errors by severity and code; and the same for " +
      "another window, if requested. 404 if the machine has sent nothing.",
    rpc: SignalService.method.summarizeMachines,
    query: summaryQuery,
    required: ["from"],
    formats: ["json"],
    answer: { json: schemaOf("MachineSummary") },
    example: "/machines/mill-1/summary?from=-8h",
    parameterByField: summaryParameterByField,
    cache: { queryOf: queryOfMachine, wholeSeconds: true },
    handle: summarizeMachine,
  }),
  ...machineRoutes,
  redeclareRoute,
  statusRoute,
  ...gatewayRoutes,
];

/** The table, with the routes that describe it. */
export const routes: readonly Route[] = [...declared, ...reference(declared)];
