// Every REST route, declared once: what it is called, takes, asks the accessor and answers.
//
// Names: REST writes fields in lower_snake_case, as the contract does, and a record as one flat
// row, because rows are what people page through, filter with jq and load into tables. Enum values
// are written without their prefix ("ACTIVE"). Times are RFC 3339 in UTC with no, three or six
// digits of a second. Numbers of batches are texts, as 64-bit integers are in protobuf's JSON.
// Parameters have the names people try first: machine, from, to, limit.
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineStateSchema, SeveritySchema } from "#gen/millrace/v1/signal_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { exportColumnsOf } from "../../codec/row/record-rows.ts";
import { aggregateSamples, bucketRowColumns, queryOfSamples } from "./buckets.ts";
import { type Route, route } from "./call.ts";
import { contentTypeOf } from "./formats.ts";
import { intervalColumns, listStateIntervals, queryOfIntervals } from "./intervals.ts";
import { countParameter, textParameter, timeParameter, wordsParameter } from "./parameters.ts";
import { postExamples } from "./post-examples.ts";
import { postQuery } from "./post-query.ts";
import { postSignals } from "./post-signals.ts";
import { getLatest, listMachines, listSignals, queryOfSignals, querySignals } from "./reads.ts";
import { checkReady } from "./ready.ts";
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
import {
  queryOfMachine,
  queryOfMachines,
  summarizeMachine,
  summarizeMachines,
} from "./summaries.ts";
import { summaryParameterByField, summaryQuery } from "./summary-parameters.ts";
import { watchSignals } from "./watch.ts";

const declared: readonly Route[] = [
  route({
    method: "GET",
    path: "/signals",
    summary: "Which signals there are",
    doc: "The catalogue: name, kind (STATE, EVENT, NUMERIC), units, max_gap and number of machines of each signal, ascending by name. One page, unless there are about ten thousand or more.",
    rpc: SignalService.method.listSignals,
    query: { machine, limit: itemLimit, page_token: pageToken },
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
    summary: "Records of one signal in a range of time",
    doc:
      "Rows in order of time. `from` is inclusive, `to` is not; the answer echoes both as they were resolved. More rows follow where " +
      '`next_page_token` is not empty: repeat the request with `page_token`, or follow the Link header with rel="next". All pages are of one ' +
      "moment, named by `cursor`; a live feed after that cursor goes on from there. NDJSON and CSV come without pages: the whole range, " +
      "however long, a row a line, with unit, max_gap and sample_type, so that a POST of it stores the same, the cursor in the header Millrace-Cursor; an answer that breaks off ends the connection.",
    rpc: SignalService.method.querySignals,
    query: {
      machine,
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
    doc: "One row for each machine that has a record, ascending by machine; newest by time, not by arrival. A state says since when its machine has been silent, if it is. If there are too many rows for one page, they come in pages as in /signals/{type}.",
    rpc: SignalService.method.getLatest,
    query: { machine, limit: itemLimit, page_token: pageToken, min_cursor: minCursor },
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
    summary: "Samples summed up in spans of time",
    doc:
      "For a chart, a report, a bill: of each machine and signal, for each span its count, min, max, mean, time-weighted mean, first, last, " +
      "integral and coverage, and of a COUNTER increase and rate in place of the integral; equal to what all the samples would give. Spans are of one width, of a calendar (shifts, days, weeks, months, " +
      "quarters, years of a time zone; the window cuts the first and the last), or about as many as a plot has points; by default 1,000, or fewer so that all requested series fit in one message: at least 100 each, as far as 100,000 in all allow. In NDJSON and CSV, one row for each bucket. At most 10,000 a series and 100,000 in all.",
    rpc: SignalService.method.aggregateSamples,
    query: {
      machine,
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
      "Intervals that machines spent in their states, ascending by machine, then time; those of one machine touch one another. An interval " +
      "is whole even where it begins before from or ends after to; one that lasts has no end_time. A state holds through silence: " +
      "silent_seconds says how much of it that was. Pages as of /signals/{type}.",
    rpc: SignalService.method.listStateIntervals,
    query: {
      machine,
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
  route({
    method: "GET",
    path: "/signals/{type}/live",
    pathDoc: { type: typesDoc },
    summary: "Records as they are stored",
    doc:
      "For as long as the client stays: each record once, in the order of storing. As Server-Sent Events, the id of an event is the cursor " +
      "to go on after; a client that reconnects with Last-Event-ID (browsers do so by themselves) misses nothing and sees nothing twice. " +
      'Events: `ready` at once, with {"cursor"}; then events without a name, {"signals": [rows]}; `bookmark` every few seconds while ' +
      "nothing matches; `expired` where a browser comes back too late, its id the earliest cursor there is; `error`, a problem, before an " +
      'end that is not the client\'s. A comment comes every 15 s. As NDJSON, a line is {"signals": [rows], "cursor"}. The feed outlives ' +
      "the accessor: while that is away it waits, then goes on without gap or repetition.",
    rpc: SignalService.method.watchSignals,
    query: {
      machine,
      after: textParameter("Start after this cursor. A Last-Event-ID header wins over it."),
      lastEventId: textParameter(
        "The same as the header Last-Event-ID, which wins: for clients that cannot set it.",
      ),
      since: timeParameter(
        "Start with what was stored at or after this time, which must have come; not with after.",
      ),
    },
    formats: ["sse", "ndjson"],
    answer: { line: schemaOf("LiveLine") },
    example: "/signals/state,error/live",
    parameterByField: { ...names, after_cursor: "after", from_commit_time: "since" },
    handle: watchSignals,
  }),
  route({
    method: "POST",
    path: "/signals",
    summary: "Store records",
    doc:
      'As JSON: rows as GET returns them, {"signals": [{"machine", "signal", "time", "value"}, …]}, of any number of machines (the first ' +
      'rows of a numeric signal declare its "unit", "max_gap" and "sample_type"); or one batch in columns, {"machine", "state_changes", "error_reports", ' +
      '"samples"}, as protobuf\'s JSON has it; at most 32 MiB. As NDJSON: one row a line, any number of lines, stored as they arrive. As CSV: ' +
      "the same, with a header line that names the columns. 200 says how many records were stored, and lists verdicts on the others by row " +
      "(from 0) or line (from 1): at most 1,000, adjacent ones with the same reason as one; warnings say what is stored and will have no coverage or energy. 422 if no record was stored (lines may be none), or none of the first " +
      "20,000 lines can be read. If NDJSON is requested for a body of lines, the answer has one verdict a line as they occur, and the totals " +
      "last. Records are stored exactly once, however often they are sent, with an Idempotency-Key and the same body, or with a producer's " +
      "own producer_id and sequence (in the query for lines), which numbers the batches from there on. Without either, they are stored " +
      "each time they are sent.",
    rpc: IngestService.method.ingestBatch,
    query: postQuery,
    formats: ["json", "ndjson"],
    answer: {
      json: { anyOf: [schemaOf("Stored"), schemaOf("StoredLines")] },
      line: { anyOf: [schemaOf("LineVerdict"), schemaOf("StoredLines"), schemaOf("Problem")] },
    },
    takes: postExamples,
    example: "/signals",
    handle: postSignals,
  }),
  route({
    method: "GET",
    path: "/machines",
    summary: "Which machines there are",
    doc: "Machines, ascending by name, with the signals they have sent and when they were first seen.",
    rpc: SignalService.method.listMachines,
    query: {
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
      "As /machines/{machine}/summary, for many machines, ascending by name. In pages: more follow if `next_page_token` is not empty, or by the Link " +
      'header with rel="next"; all pages show the same moment and window.',
    rpc: SignalService.method.summarizeMachines,
    query: {
      ...summaryQuery,
      machine,
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
      "Time in each state, adding up to the window (the state before it is carried in, the last one lasts to its end), and how much of it the machine was silent; availability and " +
      "transitions; energy in kWh with its coverage, by state, mean and peak power, and peak demand if asked for; errors by severity and code; the same of another window, if asked for. 404 if the machine has " +
      "sent nothing.",
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
  redeclareRoute,
  route({
    method: "GET",
    path: "/healthz",
    summary: "Whether the gateway is alive",
    doc: "200 as long as the process answers, whatever the accessor does.",
    rpc: undefined,
    query: {},
    formats: ["json"],
    answer: { json: schemaOf("Status") },
    example: "/healthz",
    handle: async () => ({ body: { status: "ok" } }),
  }),
  route({
    method: "GET",
    path: "/readyz",
    summary: "Whether requests can be answered",
    doc: "200 while the accessor says that it serves, otherwise 503 with why not.",
    rpc: undefined,
    query: {},
    formats: ["json"],
    answer: { json: schemaOf("Status") },
    alsoAnswers: [503],
    example: "/readyz",
    handle: checkReady,
  }),
  route({
    method: "GET",
    path: "/metrics",
    summary: "What the gateway counts",
    doc: "For Prometheus: the cache's hits, misses and bytes, and the process's memory, CPU, event loop and collections. With authentication, for admins.",
    rpc: undefined,
    permission: "/metrics",
    query: {},
    formats: ["text"],
    answer: {},
    example: "/metrics",
    handle: async ({ metrics }) => ({ contentType: contentTypeOf("text"), text: await metrics() }),
  }),
];

/** The table, with the routes that describe it. */
export const routes: readonly Route[] = [...declared, ...reference(declared)];
