// PATCH /machines/{machine}/signals/{signal}: corrects the declaration of a machine's signal.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  IngestService,
  type RedeclareSignalRequestSchema,
  type SignalDeclaration,
  WarningReasonSchema,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { Duplicates, DuplicatesSchema, SampleTypeSchema } from "#gen/millrace/v1/signal_pb.ts";
import { duplicatesFault, readDuplicates } from "../../codec/row/duplicates.ts";
import { durationForms, durationText, parseInterval } from "../../codec/row/duration.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import { otherSpellings, unknownField } from "../../codec/row/fields.ts";
import { readSampleType } from "../../codec/row/sample-type.ts";
import { sampleTypeFault, textBounds, textFault } from "../../codec/row/text-fault.ts";
import { toDuration } from "../../codec/timestamps.ts";
import { readUnit } from "../../codec/unit.ts";
import { HttpProblem } from "../errors/problem.ts";
import { invalidField } from "../errors/reasons.ts";
import { type RestAnswer, type RestCall, route } from "./call.ts";
import { flagParameter, type Parameter } from "./parameters.ts";
import { schemaOf } from "./schemas.ts";
import { toUs } from "./time.ts";

type Query = { validate_only: Parameter<boolean> };

const query: Query = { validate_only: flagParameter("Only say what would change.") };

export const redeclareRoute = route({
  method: "PATCH",
  path: "/machines/{machine}/signals/{signal}",
  pathDoc: {
    machine: "Name of the machine, percent-encoded: a slash in it is %2F.",
    signal: "Name of the signal: a numeric one, unless only duplicates is given.",
  },
  summary: "Correct what a signal declares",
  doc:
    "Sets unit, max_gap and sample_type of one numeric signal of one machine, and what duplicates mean for any; what is absent stays as it is. No record changes, and every " +
    "answer about the signal, of the past too, uses the new declaration from now on: another max_gap or sample_type changes integrals, " +
    "increases, coverage, time-weighted means and energy; another unit changes energy, since a value stays the number that it is. For some " +
    "time, answers over long windows take longer, and the views of SQL follow at the end of that. Duplicates are dropped or kept from now on. 404 if the machine has not sent the signal.",
  rpc: IngestService.method.redeclareSignal,
  query,
  formats: ["json"],
  answer: { json: schemaOf("Redeclared") },
  takes: {
    "application/json": {
      schema: schemaOf("Redeclaration"),
      example: { unit: "kW", max_gap: "20m" },
    },
  },
  example: "/machines/mill-1/signals/power?validate_only=true",
  handle: redeclareSignal,
});

async function redeclareSignal({
  body,
  path,
  query: asked,
  upstream,
  unary,
}: RestCall<Query>): Promise<RestAnswer> {
  const { machine = "", signal = "" } = path;
  const request = {
    machine,
    signal,
    ...readBody(body),
    validateOnly: asked.validate_only ?? false,
  };
  const { before, after, warnings } = await upstream.ingest.redeclareSignal(request, unary);
  const odd = warnings.map(({ reason, message }) => ({
    reason: toWord(WarningReasonSchema, reason),
    message,
  }));
  const shown = odd.length === 0 ? {} : { warnings: odd };
  return { body: { before: before && toJson(before), after: after && toJson(after), ...shown } };
}

const toJson = (declaration: SignalDeclaration) => ({
  ...(declaration.maxGap === undefined ? {} : samplesJson(declaration)),
  duplicates: toWord(DuplicatesSchema, declaration.duplicates || Duplicates.KEEP),
});

const samplesJson = ({ unit, maxGap, maxGapInferred, sampleType }: SignalDeclaration) => ({
  unit,
  max_gap: maxGap && durationText(toUs(maxGap)),
  max_gap_inferred: maxGapInferred,
  sample_type: toWord(SampleTypeSchema, sampleType),
});

type Correction = Pick<
  MessageInitShape<typeof RedeclareSignalRequestSchema>,
  "unit" | "maxGap" | "sampleType" | "duplicates"
>;

/** Converts each field to the request's; throws for an invalid value. */
const readers: Readonly<Record<string, (value: unknown) => Correction>> = {
  unit(value) {
    if (typeof value === "string") {
      const unit = readUnit(value);
      const fault = textFault("unit", unit, textBounds.unit);
      if (fault === undefined) return { unit };
      throw invalidField("unit", fault.message.replace("unit ", ""));
    }
    throw invalidField("unit", "a text is expected; an empty one declares none");
  },
  max_gap(value) {
    const us = typeof value === "string" ? parseInterval(value) : undefined;
    if (us !== undefined) return { maxGap: toDuration(Number(us)) };
    throw invalidField("max_gap", `expected ${durationForms}, as a text`);
  },
  sample_type(value) {
    const sampleType = typeof value === "string" ? readSampleType(value) : undefined;
    if (sampleType !== undefined) return { sampleType };
    throw invalidField("sample_type", sampleTypeFault.message.replace("sample_type ", ""));
  },
  duplicates(value) {
    const duplicates = typeof value === "string" ? readDuplicates(value) : undefined;
    if (duplicates !== undefined) return { duplicates };
    throw invalidField("duplicates", duplicatesFault.message.replace("duplicates: ", ""));
  },
};
const known = Object.keys(readers);

function readBody(body: unknown): Correction {
  if (typeof body === "object" && body !== null && Symbol.asyncIterator in body)
    throw new HttpProblem(415, "send the body as application/json");
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw invalidField("body", `expected an object with some of ${known.join(", ")}`);
  const fields = Object.entries(body);
  if (fields.length === 0) throw invalidField("body", `give at least one of ${known.join(", ")}`);
  let correction: Correction = {};
  const given = new Set<string>();
  for (const [key, value] of fields) {
    const name = otherSpellings.get(key) ?? key;
    if (!Object.hasOwn(readers, name))
      throw invalidField(
        name.slice(0, 80),
        unknownField(name, { of: "a field of a declaration", known }),
      );
    if (given.has(name)) throw invalidField(name, "given in both spellings");
    given.add(name);
    correction = { ...correction, ...readers[name]!(value) };
  }
  return correction;
}
