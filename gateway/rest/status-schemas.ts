// The schemas of GET /status.
import { ProblemKindSchema } from "#gen/millrace/v1/status_pb.ts";
import {
  count,
  list,
  number,
  object,
  ref,
  type Schema,
  text,
  time,
  words,
} from "./schema-parts.ts";
import { wordsOf } from "./words.ts";

export const statusSchemas = {
  StoreStatus: object({
    time: time("When it was read, by the database's clock."),
    version: text("Version of the accessor."),
    database_version: text("Version of PostgreSQL."),
    schema_version: text("The newest migration of the schema."),
    start_time: time("When the accessor that answers started."),
    cursor: text("The newest commit: watch after it to continue."),
    "commit_time?": time("When that was; missing while nothing is stored."),
    machines: count("Machines that have sent records."),
    stored: ref("Rates"),
    feeds: object({ open: count("Open live feeds of this accessor."), sent: ref("Rates") }),
    history: ref("HistoryStatus"),
    problems: list(ref("StatusProblem"), "What is wrong, most urgent first."),
  }),
  Rates: object(
    {
      batches_per_second: number("Batches."),
      records_per_second: number("Samples, state changes and error reports."),
      bytes_per_second: number("Bytes: packed in the log, or at most so many in a feed."),
    },
    { description: "Means of the last 10 seconds." },
  ),
  HistoryStatus: object({
    "compacted_time?": time("When the history was last brought up to date."),
    lag_commits: count("Commits that only the log has."),
    lag_seconds: number("Age of the oldest of them."),
    held_commits: count("Commits that compaction passed over."),
    quarantined_rows: count("Rows of the log that cannot be read."),
    log_bytes: count("Bytes of the log on disk, with indexes."),
    history_bytes: count("Bytes of the history on disk, with indexes."),
    database_bytes: count("Bytes of the whole database on disk."),
    log_window_seconds: number("How long the log is kept."),
    "retention_seconds?": number("How long records are kept; missing: for ever."),
  }),
  StatusProblem: object({
    kind: words(wordsOf(ProblemKindSchema), "What kind of problem it is."),
    message: text("What it means and what to do, for people."),
  }),
} as const satisfies Readonly<Record<string, Schema>>;
