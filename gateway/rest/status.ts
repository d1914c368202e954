// GET /status: how the store is doing, as StatusService tells it.
import type { Duration } from "@bufbuild/protobuf/wkt";
import { ProblemKindSchema, type Rates } from "#gen/millrace/v1/status_pb.ts";
import { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import { timeText } from "../../codec/row/time-text.ts";
import { toDurationUs } from "../../codec/timestamps.ts";
import { type RestAnswer, type RestCall, type Route, route } from "./call.ts";
import { schemaOf } from "./schemas.ts";

export const statusRoute: Route = route({
  method: "GET",
  path: "/status",
  summary: "How the store is doing",
  doc:
    "Versions; what is stored and what live feeds send in a second, as the mean of the last 10 " +
    "seconds; how far the history is behind the log; sizes on disk, at most a minute old; how " +
    "long the log and records are kept; and what is wrong, in sentences. It shows all machines " +
    "together, so a key that may see only some machines is refused.",
  rpc: StatusService.method.getStatus,
  query: {},
  formats: ["json"],
  answer: { json: schemaOf("StoreStatus") },
  example: "/status",
  handle: getStatus,
});

async function getStatus({ upstream, unary }: RestCall<Record<never, never>>): Promise<RestAnswer> {
  const status = await upstream.status.getStatus({}, unary);
  const { feeds, history } = status;
  return {
    headers: { "cache-control": "no-store" },
    body: {
      time: timeText(status.time),
      version: status.version,
      database_version: status.databaseVersion,
      schema_version: status.schemaVersion,
      start_time: timeText(status.startTime),
      cursor: status.cursor,
      commit_time: timeText(status.commitTime),
      machines: Number(status.machines),
      stored: ratesOf(status.stored),
      feeds: { open: feeds?.open ?? 0, sent: ratesOf(feeds?.sent) },
      history: {
        compacted_time: timeText(history?.compactedTime),
        lag_commits: Number(history?.lagCommits ?? 0n),
        lag_seconds: secondsOf(history?.lag) ?? 0,
        held_commits: Number(history?.heldCommits ?? 0n),
        quarantined_rows: Number(history?.quarantinedRows ?? 0n),
        log_bytes: Number(history?.logBytes ?? 0n),
        history_bytes: Number(history?.historyBytes ?? 0n),
        database_bytes: Number(history?.databaseBytes ?? 0n),
        log_window_seconds: secondsOf(history?.logWindow) ?? 0,
        retention_seconds: secondsOf(history?.retention),
      },
      problems: status.problems.map(({ kind, message }) => ({
        kind: toWord(ProblemKindSchema, kind),
        message,
      })),
    },
  };
}

const ratesOf = (rates: Rates | undefined) => ({
  batches_per_second: rates?.batches ?? 0,
  records_per_second: rates?.records ?? 0,
  bytes_per_second: rates?.bytes ?? 0,
});

const secondsOf = (duration: Duration | undefined): number | undefined =>
  duration === undefined ? undefined : toDurationUs(duration) / 1e6;
