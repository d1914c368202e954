// JSON Schemas of a signal's declaration, and of its correction.
import { WarningReasonSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { DuplicatesSchema, SampleTypeSchema } from "#gen/millrace/v1/signal_pb.ts";
import { durationForms } from "../../codec/row/duration.ts";
import { list, object, ref, text, words } from "./schema-parts.ts";
import { wordsOf } from "./words.ts";

export const sampleTypes = wordsOf(SampleTypeSchema);

export const declarationSchemas = {
  Declaration: object({
    "unit?": text("Unit of the values; empty if none is declared."),
    "max_gap?": text(
      'Longest span that two samples cover, or that a value holds, in seconds with "s".',
    ),
    "max_gap_inferred?": {
      type: "boolean",
      description:
        "max_gap was not declared, but inferred from the first samples or from sample_type.",
    },
    "sample_type?": words(sampleTypes, "How values continue between samples."),
    duplicates: words(
      wordsOf(DuplicatesSchema),
      "What equal records are: KEEP, several records; DROP, one.",
    ),
  }),
  Redeclaration: object(
    {
      "unit?": text(
        "The right unit, at most 32 characters; empty for none. Blanks at its ends are ignored.",
      ),
      "max_gap?": text(
        `The right max_gap, at most 24h: ${durationForms}. If absent, it stays as it is, or is inferred again if it was inferred and sample_type changes.`,
      ),
      "sample_type?": text("The right sample_type, in any case: LINEAR, STEP or COUNTER."),
      "duplicates?": text(
        "What equal records are from now on, in any case: KEEP (several) or DROP (one). Also for state and error.",
      ),
    },
    {
      description: "What to correct: at least one field. Unknown fields are refused.",
      minProperties: 1,
    },
  ),
  Redeclared: object({
    "before?": { ...ref("Declaration"), description: "What the signal declared." },
    "after?": { ...ref("Declaration"), description: "What it declares now, or would." },
    "warnings?": list(
      object({
        reason: words(wordsOf(WarningReasonSchema), "What is unusual. New reasons may be added."),
        message: text("What is unusual, and how to correct it."),
      }),
      "What the new declaration will not provide, such as energy from power in VA. Missing if there is nothing to report.",
    ),
  }),
};
