// GET /signals/{type}/live: its entry in the table of routes.
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { route } from "./call.ts";
import { label } from "./label-parameter.ts";
import { textParameter, timeParameter } from "./parameters.ts";
import { machine, names, typesDoc } from "./route-parameters.ts";
import { schemaOf } from "./schemas.ts";
import { watchSignals } from "./watch.ts";

export const watchRoute = route({
  method: "GET",
  path: "/signals/{type}/live",
  pathDoc: { type: typesDoc },
  summary: "Records as they are stored",
  doc:
    "A live feed that lasts as long as the client stays connected: each record once, in the " +
    "order in which it was stored. With Server-Sent Events, the id of an event is the " +
    "cursor to resume after; a client that reconnects with Last-Event-ID, as browsers do by " +
    "themselves, misses nothing and sees nothing twice. Events: `ready` at once, with " +
    '{"cursor"}; then events without a name, {"signals": [rows]}; `bookmark` every few ' +
    "seconds while nothing matches; `expired` if the client resumes from a cursor that is " +
    "too old, with the earliest valid cursor as its id; `error`, a problem, before the " +
    'server ends the feed. A comment is sent every 15 s. With NDJSON, a line is {"signals": ' +
    '[rows], "cursor"}. The feed survives restarts of the accessor: it waits, then ' +
    "continues without gaps or repetitions. With `label`, a machine that gets or loses it comes " +
    "in or goes out while the feed runs, within about 15 s.",
  rpc: SignalService.method.watchSignals,
  query: {
    machine,
    label,
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
});
