// Every REST route, declared once: what it is called, takes, asks the accessor and answers.
//
// Names: REST writes fields in lower_snake_case, as the contract does, and a record as one flat row, because rows are what people page
// through, filter with jq and load into tables. Enum values are written without their prefix ("ACTIVE"). Times are RFC 3339 in UTC with
// no, three or six digits of a second. 64-bit integers are texts. Parameters have the names people try first: machine, from, to, limit.
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineStateSchema, SeveritySchema } from "#gen/millrace/v1/signal_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { type Route, route } from "./call.ts";
import { countParameter, listParameter, textParameter, timeParameter, wordsParameter } from "./parameters.ts";
import { postSignals } from "./post-signals.ts";
import { getLatest, listMachines, listSignals, querySignals, watchSignals } from "./reads.ts";
import { checkReady } from "./ready.ts";

const machine = listParameter("Only these machines; all if absent.");
const minCursor = textParameter(
  "Wait until the answer holds at least everything up to this cursor, such as that of a POST.",
);
const pageToken = textParameter("next_page_token of the answer before.");

const names = { machines: "machine", signal: "type", signals: "type", page_size: "limit" };

export const routes: readonly Route[] = [
  route({
    method: "GET",
    path: "/signals",
    summary: "Which signals there are",
    doc: "The catalogue: name, kind (STATE, EVENT, NUMERIC), units, max_gap and number of machines of each signal, ascending by name.",
    rpc: SignalService.method.listSignals,
    query: { machine },
    parameterByField: names,
    handle: listSignals,
  }),
  route({
    method: "GET",
    path: "/signals/{type}",
    summary: "Records of one signal in a range of time",
    doc:
      "Rows in order of time. from is inclusive, to is not; the answer echoes both as they were resolved. More rows follow where " +
      'next_page_token is not empty: repeat the request with page_token, or follow the Link header with rel="next". All pages are of one ' +
      "moment, named by cursor; a live feed after that cursor goes on from there.",
    rpc: SignalService.method.querySignals,
    query: {
      machine,
      from: timeParameter("Start of the range; as far back as there are records if absent."),
      to: timeParameter("End of the range, exclusive; no end if absent."),
      limit: countParameter("How many rows in a page: 1,000 if absent, at most 10,000."),
      page_token: pageToken,
      min_cursor: minCursor,
      severity: wordsParameter(SeveritySchema, "Only error reports of these severities; only for /signals/error."),
      code_prefix: textParameter("Only error reports whose code begins so; only for /signals/error."),
      state: wordsParameter(MachineStateSchema, "Only changes into these states; only for /signals/state."),
    },
    parameterByField: { ...names, start_time: "from", end_time: "to", severities: "severity", states: "state" },
    handle: querySignals,
  }),
  route({
    method: "GET",
    path: "/signals/{type}/latest",
    summary: "The newest record of each machine",
    doc: "One row for each machine that has any, ascending by machine; newest by time, not by arrival.",
    rpc: SignalService.method.getLatest,
    query: { machine, min_cursor: minCursor },
    parameterByField: names,
    handle: getLatest,
  }),
  route({
    method: "GET",
    path: "/signals/{type}/live",
    summary: "Records as they are stored",
    doc:
      "Server-Sent Events, for as long as the client stays: each record once, in the order of storing. The id of an event is the cursor to " +
      "go on after; a client that reconnects with Last-Event-ID (browsers do so by themselves) misses nothing and sees nothing twice. " +
      'Events: `ready` at once, with {"cursor"}; then events without a name, {"signals": [rows]}; `bookmark` every few seconds while ' +
      "nothing matches; `error`, a problem, before an end that is not the client's. A comment comes every 15 s.",
    rpc: SignalService.method.watchSignals,
    query: {
      machine,
      after: textParameter("Start after this cursor. A Last-Event-ID header wins over it."),
      since: timeParameter("Start with what was stored at or after this time; not with after."),
    },
    live: true,
    parameterByField: { ...names, after_cursor: "after", from_commit_time: "since" },
    handle: watchSignals,
  }),
  route({
    method: "POST",
    path: "/signals",
    summary: "Store records",
    doc:
      'Takes rows as GET answers them, {"signals": [{"machine", "signal", "time", "value"}, …]}, of any number of machines (the first rows of a numeric signal declare its "unit" for good); or one batch in ' +
      'columns, {"machine", "state_changes", "error_reports", "samples"}, as protobuf\'s JSON has it. With producer_id and sequence it is ' +
      "stored exactly once however often it is sent; rows of several machines take a number each, in the order in which the machines first " +
      "appear. Without them it is stored once each time it is sent. 200 says what was stored, and why the rest was not: verdicts name " +
      "rows by position from 0 (row, count), or records of a batch (kind, column, first, count). 422 if every record was refused. At " +
      "most 32 MiB.",
    rpc: IngestService.method.ingestBatch,
    query: {},
    handle: postSignals,
  }),
  route({
    method: "GET",
    path: "/machines",
    summary: "Which machines there are",
    doc: "Machines, ascending by name, with the signals they have sent and when they were first seen.",
    rpc: SignalService.method.listMachines,
    query: { limit: countParameter("How many in a page: 100 if absent, at most 1,000."), page_token: pageToken },
    parameterByField: names,
    handle: listMachines,
  }),
  route({
    method: "GET",
    path: "/healthz",
    summary: "Whether the gateway is alive",
    doc: "200 as long as the process answers, whatever the accessor does.",
    rpc: undefined,
    query: {},
    handle: async () => ({ body: { status: "ok" } }),
  }),
  route({
    method: "GET",
    path: "/readyz",
    summary: "Whether requests can be answered",
    doc: "200 while the accessor says that it serves, otherwise 503 with why not.",
    rpc: undefined,
    query: {},
    handle: checkReady,
  }),
];
