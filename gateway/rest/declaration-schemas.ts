// JSON Schemas of what a numeric signal declares, and of its correction.
import { WarningReasonSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SampleTypeSchema } from "#gen/millrace/v1/signal_pb.ts";
import { durationForms } from "../../codec/row/duration.ts";
import { list, object, ref, text, words } from "./schema-parts.ts";
import { wordsOf } from "./words.ts";

export const sampleTypes = wordsOf(SampleTypeSchema);

export const declarationSchemas = {
  Declaration: object({
    unit: text("Unit of the values; empty: none is declared."),
    "max_gap?": text(
      'Longest span that two samples cover, or that a value holds, in seconds with "s".',
    ),
    max_gap_inferred: {
      type: "boolean",
      description:
        "Nobody has declared max_gap: it was inferred from the first samples, or from sample_type.",
    },
    sample_type: words(sampleTypes, "How values go on between samples."),
  }),
  Redeclaration: object(
    {
      "unit?": text(
        "The right unit, at most 32 characters; empty: none is declared. Blanks at its ends are no part of it.",
      ),
      "max_gap?": text(
        `The right max_gap, at most 24h: ${durationForms}. If absent, as it is, or inferred again if it was inferred and sample_type changes.`,
      ),
      "sample_type?": text("The right sample_type, in any case: LINEAR, STEP or COUNTER."),
    },
    {
      description: "What to correct, at least one of them. A field that is unknown is refused.",
      minProperties: 1,
    },
  ),
  Redeclared: object({
    "before?": { ...ref("Declaration"), description: "What the signal declared." },
    "after?": { ...ref("Declaration"), description: "What it declares now, or would." },
    "warnings?": list(
      object({
        reason: words(wordsOf(WarningReasonSchema), "What is odd. New ones may come."),
        message: text("What is odd, and what would be right."),
      }),
      "What the new declaration will not give, such as energy from power in VA. Missing where there is nothing to say.",
    ),
  }),
};
