// JSON Schemas of what POST /signals takes and answers.
import { WarningReasonSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { durationForms } from "../../codec/row/duration.ts";
import { timeForms } from "../../codec/row/time.ts";
import { count, list, machine, object, ref, text, words } from "./schema-parts.ts";
import { wordsOf } from "./words.ts";

const verdict = {
  count: count("How many from there on."),
  reason: text("Why, as in Problem."),
  retryable: { type: "boolean", description: "Whether the same may be accepted later." },
  message: text("What is wrong and what would be right."),
};

const omitted = {
  "verdicts_omitted?": count(
    "Number of verdicts not listed. At most 1,000 are listed, and 256 KiB of their messages.",
  ),
  "omitted_by_reason?": {
    type: "object",
    additionalProperties: { type: "integer", minimum: 0 },
    description: "Number of rows, lines or records of the verdicts that are not listed, by reason.",
  },
};

const odd = {
  "warnings?": list(
    object({
      reason: words(wordsOf(WarningReasonSchema), "What is odd. New ones may come."),
      machine,
      "signal?": text("Name of the signal."),
      message: text("What is odd, and what would be right."),
    }),
    "What is stored but will not give the answers that its sender may expect: one for a reason and signal of a machine. Missing where there is none.",
  ),
  "warnings_omitted?": count("Number of warnings not listed. At most 100 are listed."),
};

const stored = {
  accepted: count("Records that are stored now, or were before."),
  rejected: count("Records that are not."),
  "cursor?": text("A GET with this as min_cursor sees every record stored here."),
  producer_id: text("Whose numbers these were."),
  ...odd,
};

export const postSchemas = {
  PostedRow: object(
    {
      machine,
      signal: text("Name of the signal."),
      time: {
        type: ["string", "number"],
        description: `${timeForms}. With ?epoch= numbers count what that says.`,
      },
      "value?": {
        type: ["number", "string"],
        description: "Of a numeric signal; decimal digits as a text are a number.",
      },
      "unit?": text("Declares the unit, with the first rows of a signal."),
      "max_gap?": text(
        `Declares the longest span that two samples cover, at most 24h: ${durationForms}.`,
      ),
      "sample_type?": text(
        "Declares how values go on between samples, in any case: LINEAR (on straight lines; if nobody declares it), STEP (each holds until the next), COUNTER (a count that only goes up).",
      ),
      "state?": text("Of signal state."),
      "reason?": text("Of signal state."),
      "severity?": text("Of signal error."),
      "code?": text("Of signal error."),
      "message?": text("Of signal error."),
    },
    {
      description:
        "A row as GET answers it. A field that is unknown, or of another kind of signal, is refused.",
    },
  ),
  PostedRows: object({
    signals: list(ref("PostedRow")),
    "producer_id?": text("Whose number sequence is."),
    "sequence?": {
      type: ["string", "integer"],
      description: "The producer's number of the first batch.",
    },
  }),
  Stored: object({
    ...stored,
    results: list(
      object({
        machine,
        sequence: text("The batch's number."),
        duplicate: { type: "boolean", description: "It was there already." },
        "refusal?": object({ reason: text("Why, as in Problem."), message: text("For people.") }),
      }),
      "A batch for each machine.",
    ),
    verdicts: list({
      anyOf: [
        object({ row: count("Position of the first of the rows, from 0."), ...verdict }),
        object({
          kind: text("Which list."),
          column: count("Which column."),
          first: count("Position in it."),
          ...verdict,
        }),
      ],
    }),
    ...omitted,
  }),
  LineVerdict: object({ line: count("Number of the first of the lines, from 1."), ...verdict }),
  StoredLines: object({
    ...stored,
    "last_sequence?": text("Number of the last batch that the lines were sent in."),
    duplicate_batches: count("How many batches were there already."),
    "unread_from_line?": count(
      "First line that was not read, because none of the rows before it (20,000 or more) could be read.",
    ),
    "verdicts?": list(ref("LineVerdict"), "At most 1,000."),
    ...omitted,
  }),
};
