// Parameters of POST /signals: defaults for rows that do not have their own values.
import {
  type Duplicates,
  DuplicatesSchema,
  type SampleType,
  SampleTypeSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { toRowContext } from "../../codec/row/file-format.ts";
import type { RowContext } from "../../codec/row/row-record.ts";
import { maxGapFault, maxMaxGapUs, textBounds } from "../../codec/row/text-fault.ts";
import { type EpochUnit, epochUnits } from "../../codec/row/time.ts";
import { readUnit } from "../../codec/unit.ts";
import { HttpProblem } from "../errors/problem.ts";
import { invalidField } from "../errors/reasons.ts";
import { assertFileQuery, type FileQuery, fileQuery } from "./file-query.ts";
import {
  choiceParameter,
  durationParameter,
  type Parameter,
  textParameter,
  type ValuesOf,
  wordParameter,
} from "./parameters.ts";

export type PostQuery = FileQuery & {
  type: Parameter<string>;
  unit: Parameter<string>;
  max_gap: Parameter<bigint>;
  sample_type: Parameter<SampleType>;
  duplicates: Parameter<Duplicates>;
  epoch: Parameter<EpochUnit>;
  producer_id: Parameter<string>;
  sequence: Parameter<string>;
};

type Values = ValuesOf<PostQuery>;

export const postQuery: PostQuery = {
  ...fileQuery,
  type: textParameter("For rows: the signal of rows that name none."),
  unit: textParameter("For rows: the unit of numeric rows that name none."),
  max_gap: durationParameter(
    "For rows: the longest span between two samples that counts as covered, for numeric rows that name none; at most 24h.",
  ),
  sample_type: wordParameter(
    SampleTypeSchema,
    "For rows: how values continue between samples, for numeric rows that do not say it. LINEAR: along straight lines. STEP: each holds until the next. COUNTER: a count that only goes up.",
  ),
  duplicates: wordParameter(
    DuplicatesSchema,
    "For rows: what equal records are, for rows that do not say it. KEEP: several records. DROP: one, which is stored once.",
  ),
  epoch: choiceParameter(
    epochUnits,
    "For rows: the unit of times that are numbers. If absent: milliseconds, where times before 1990 are refused.",
  ),
  producer_id: textParameter("For lines: the producer to which sequence belongs."),
  sequence: textParameter("For lines: the producer's number of the first batch."),
};

/** nowUs: undefined if times must not depend on when the rows are sent. */
export function rowContextOf(query: Values, nowUs: bigint | undefined): RowContext {
  const { type, unit: given, max_gap, sample_type, duplicates, epoch, machine } = query;
  const unit = given && readUnit(given);
  if (unit !== undefined && unit.length > textBounds.unit.max)
    throw invalidField("unit", `at most ${textBounds.unit.max} characters`);
  if (max_gap !== undefined && !(max_gap > 0n && max_gap <= maxMaxGapUs))
    throw invalidField("max_gap", maxGapFault.message.replace("max_gap ", ""));
  assertFileQuery(query);
  const maxGapUs = max_gap === undefined ? undefined : Number(max_gap);
  const declared = { unit, maxGapUs, sampleType: sample_type, duplicates };
  const defaults = { machine, signal: type, ...declared, epoch };
  return toRowContext(
    {
      ...defaults,
      decimal: query.decimal,
      format: query.time_format,
      timeZone: query.time_zone,
      repeatedHour: query.repeated_hour,
      columns: query.column,
      wide: query.wide,
      conversions: query.convert,
      words: query.word && new Map(query.word),
    },
    nowUs,
  );
}

/**
 * The error for a JSON body without records. A body of lines may be empty: an empty export can be
 * sent back.
 */
export const noRecord = (): HttpProblem =>
  new HttpProblem(422, "the request holds no record", { members: { reason: "REQUEST_INVALID" } });

/** For a JSON body: refuses parameters that belong in the body. */
export function assertLinesOnly({ producer_id, sequence }: Values): void {
  for (const [name, value] of Object.entries({ producer_id, sequence }))
    if (value !== undefined)
      throw invalidField(name, "is a query parameter only for a body of lines; put it in the body");
}

/** For a batch in columns: refuses parameters for rows. */
export function assertRowsOnly({ producer_id, sequence, ...rows }: Values): void {
  for (const [name, value] of Object.entries(rows))
    if (value !== undefined)
      throw invalidField(name, "is only for rows; a batch in columns has it in its body");
}
