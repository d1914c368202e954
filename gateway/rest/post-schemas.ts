// JSON Schemas of the bodies and answers of POST /signals.
import { WarningReasonSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { durationForms } from "../../codec/row/duration.ts";
import { timeForms } from "../../codec/row/time.ts";
import { count, list, machine, object, ref, text, words } from "./schema-parts.ts";
import { wordsOf } from "./words.ts";

const verdict = {
  count: count("How many from there on."),
  reason: text("Why, as in Problem."),
  retryable: { type: "boolean", description: "Whether the same record may be accepted later." },
  message: text("What is wrong and how to correct it."),
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
      reason: words(wordsOf(WarningReasonSchema), "What is unusual. New reasons may be added."),
      machine,
      "signal?": text("Name of the signal."),
      message: text("What is unusual, and how to correct it."),
    }),
    "Records that are stored but will not give the answers that their sender may expect: one warning for each reason and signal of a machine. Missing if there are none.",
  ),
  "warnings_omitted?": count("Number of warnings not listed. At most 100 are listed."),
};

const stored = {
  accepted: count("Records that are now stored, including those stored by an earlier request."),
  rejected: count("Records that are not."),
  "dropped_duplicates?": count(
    "Of the accepted ones: how many were stored already, in series that drop duplicates.",
  ),
  "cursor?": text("A GET with this as min_cursor sees every record stored here."),
  producer_id: text("The producer to which the sequences belong."),
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
        description: "For a numeric signal; decimal digits in a text count as a number.",
      },
      "unit?": text("Declares the unit, with the first rows of a signal."),
      "max_gap?": text(
        `Declares the longest span that two samples cover, at most 24h: ${durationForms}.`,
      ),
      "sample_type?": text(
        "Declares how values continue between samples, in any case: LINEAR (along straight lines; the default), STEP (each holds until the next), COUNTER (a count that only goes up).",
      ),
      "duplicates?": text(
        "Declares what equal records of the signal are, in any case: KEEP (several records; the default) or DROP (one, which is stored once).",
      ),
      "state?": text("Of signal state."),
      "reason?": text("Of signal state."),
      "severity?": text("Of signal error."),
      "code?": text("Of signal error."),
      "message?": text("Of signal error."),
    },
    {
      description:
        "A row as GET returns it. Unknown fields, and fields of another kind of signal, are refused.",
    },
  ),
  PostedRows: object({
    signals: list(ref("PostedRow")),
    "producer_id?": text("The producer to which sequence belongs."),
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
    duplicate_batches: count("How many batches had been stored before."),
    "unread_from_line?": count(
      "First line that was not read, because none of the rows before it (20,000 or more) could be read.",
    ),
    "verdicts?": list(ref("LineVerdict"), "At most 1,000."),
    ...omitted,
  }),
};
