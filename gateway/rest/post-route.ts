// POST /signals: its entry in the table of routes.
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { route } from "./call.ts";
import { postExamples } from "./post-examples.ts";
import { postQuery } from "./post-query.ts";
import { postSignals } from "./post-signals.ts";
import { schemaOf } from "./schemas.ts";

export const postRoute = route({
  method: "POST",
  path: "/signals",
  summary: "Store records",
  doc:
    'As JSON: rows as GET returns them, {"signals": [{"machine", "signal", "time", ' +
    '"value"}, …]}, of any number of machines (the first rows of a numeric signal declare ' +
    'its "unit", "max_gap" and "sample_type"); or one batch in columns, {"machine", ' +
    '"state_changes", "error_reports", "samples"}, in protobuf\'s JSON; at most 32 MiB. As ' +
    "NDJSON: one row a line, any number of lines, stored as they arrive. As CSV: the same, " +
    "with a header line that names the columns. 200 reports how many records were stored, " +
    "and lists verdicts on the others by row (from 0) or line (from 1): at most 1,000, " +
    "where adjacent ones with the same reason count as one. Warnings name what was stored " +
    "but will have no coverage or energy. 422 means that no record was stored (a body " +
    "without lines is 200), or that none of the first 20,000 lines can be read. If a body " +
    "of lines asks for NDJSON, the response has one verdict a line as they occur, and the " +
    "totals at the end. Repeated requests store records exactly once if they have an " +
    "Idempotency-Key and the same body, or a producer's own producer_id and sequence (in " +
    "the query for lines), which numbers the batches from there on. Without either, every " +
    "request stores its records again.",
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
});
