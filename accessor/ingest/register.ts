// Registers what a batch brings for the first time, as far as its caller's quotas go.
import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { type Refusal, RefusalSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { type Samples, SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { toDurationUs } from "../../codec/timestamps.ts";
import { Failure } from "../domain/failure.ts";
import { inferGapUs, learn, unknownRhythm } from "../history/infer-gap.ts";
import type { Catalog } from "../store/catalog.ts";
import { type Declaration, isLearning, type QuotaLimit } from "../store/declare.ts";
import type { NewSeries, Quotas, Series } from "../store/series.ts";

type Registering = {
  events: boolean;
  errors: boolean;
  catalog: Catalog;
  holder: string;
  quotas: Quotas;
};

type Declaring = Pick<Samples, "unit" | "maxGap" | "sampleType">;

/**
 * What the columns of a batch declare of each signal that has a record which may be stored
 * (`hasRecords`): of each field the first that is said. Columns without such a record are heard
 * after those that have one, for the rows of an upload declare for each other, also one that is
 * rejected; but what is stored has the word. sound: those whose declaration can be read.
 */
export function declarationsOf(
  samples: readonly Samples[],
  { sound, hasRecords }: { sound: readonly boolean[]; hasRecords: readonly boolean[] },
): Map<string, Declaring> {
  const declared = new Map<string, Declaring>();
  for (const [i, { signal, unit, maxGap, sampleType }] of samples.entries()) {
    if (!hasRecords[i]) continue;
    declared.set(signal, filled(declared.get(signal), { unit, maxGap, sampleType }));
  }
  for (const [i, column] of samples.entries()) {
    const known = declared.get(column.signal);
    if (sound[i] && !hasRecords[i] && known !== undefined)
      declared.set(column.signal, filled(known, column));
  }
  return declared;
}

const filled = (
  known: Declaring | undefined,
  { unit, maxGap, sampleType }: Declaring,
): Declaring => ({
  unit: known?.unit || unit,
  maxGap: known?.maxGap ?? maxGap,
  sampleType: known?.sampleType || sampleType,
});

/**
 * declared: of each signal that has a record which may be stored. timesOf: when those were taken,
 * ascending. Answers with the limit that was reached, if one was: then some are not there.
 */
export async function registerNew(
  {
    machine,
    declared,
    timesOf,
  }: {
    machine: string;
    declared: ReadonlyMap<string, Declaring>;
    timesOf: (signal: string) => Float64Array;
  },
  { events, errors, catalog, holder, quotas }: Registering,
): Promise<QuotaLimit | undefined> {
  const fresh = new Map<string, NewSeries>();
  const consider = (series: NewSeries) => {
    if (catalog.find(machine, series.signal) === undefined && !fresh.has(series.signal))
      fresh.set(series.signal, series);
  };
  const undeclared = {
    unit: "",
    maxGapUs: undefined,
    rhythm: undefined,
    sampleType: SampleType.UNSPECIFIED,
  };
  if (events) consider({ machine, signal: "state", kind: SignalKind.STATE, ...undeclared });
  if (errors) consider({ machine, signal: "error", kind: SignalKind.EVENT, ...undeclared });
  for (const [signal, { unit, maxGap, sampleType }] of declared) {
    const rhythm = maxGap === undefined ? learn(unknownRhythm, timesOf(signal)) : undefined;
    const maxGapUs = maxGap === undefined ? inferGapUs(rhythm!, sampleType) : toDurationUs(maxGap);
    consider({ machine, signal, kind: SignalKind.NUMERIC, unit, maxGapUs, rhythm, sampleType });
  }
  if (fresh.size === 0) return undefined;
  const limit = await catalog.register(machine, [...fresh.values()], { holder, quotas });
  if (limit !== undefined) return limit;
  for (const signal of fresh.keys()) {
    if (catalog.find(machine, signal) === undefined)
      throw new Failure("INTERNAL", `series ${machine}/${signal} could not be registered`);
  }
  return undefined;
}

/** What a caller is told that may register no more. */
export function quotaRefusal(
  limit: QuotaLimit,
  { holder, quotas }: Pick<Registering, "holder" | "quotas">,
): Refusal {
  const isOwn = limit.endsWith("-per-key");
  const { machines, series } = isOwn ? quotas.of(holder) : quotas.all;
  const what = limit.startsWith("machines")
    ? `${machines} machines`
    : `${series} signals of machines`;
  const whose = isOwn ? "you may register" : "this server registers";
  const message = `${whose} at most ${what}: send known ones only, or have the operator raise --max-${limit}`;
  return create(RefusalSchema, { reason: ErrorReason.QUOTA_EXCEEDED, message });
}

/**
 * Whether a column declares something: a signal, its unit, its max_gap or its type. What its
 * samples teach of a rhythm does not count: it is no more than a guess.
 */
export const declares = (
  { unit, maxGap, sampleType }: Declaring,
  known: Series | undefined,
): boolean =>
  known === undefined ||
  (known.unit === "" && unit !== "") ||
  declaresGap({ maxGap, sampleType }, known) ||
  (known.sampleType === SampleType.UNSPECIFIED && sampleType !== SampleType.UNSPECIFIED);

/**
 * Whether a max_gap replaces an inferred one. One that is settled, and comes back in an export,
 * does not: it stays inferred.
 */
function declaresGap({ maxGap, sampleType }: Omit<Declaring, "unit">, known: Series): boolean {
  if (known.rhythm === undefined || maxGap === undefined) return false;
  return (
    isLearning(known) ||
    toDurationUs(maxGap) !== inferGapUs(known.rhythm, known.sampleType || sampleType)
  );
}

/**
 * timesOf: of the samples that may be stored, ascending.
 *
 * What a column says of a series that is known: a unit, a max_gap or a type that nobody has
 * declared yet, or more of the rhythm that its max_gap is inferred from. Undefined: nothing new.
 */
function newDeclaration(
  { unit, maxGap, sampleType }: Declaring,
  timesOf: () => Float64Array,
  series: Series,
): Declaration | undefined {
  const newUnit = series.unit === "" && unit !== "" ? unit : undefined;
  const newType =
    series.sampleType === SampleType.UNSPECIFIED && sampleType !== 0 ? sampleType : undefined;
  const said = { unit: newUnit, sampleType: newType };
  const isNew = newUnit !== undefined || newType !== undefined;
  const { rhythm, maxGapUs } = series;
  if (rhythm === undefined || maxGapUs === undefined)
    return isNew ? { ...said, maxGapUs: maxGapUs!, rhythm } : undefined;
  if (declaresGap({ maxGap, sampleType }, series))
    return { ...said, maxGapUs: toDurationUs(maxGap!), rhythm: undefined };
  const learned = isLearning(series) ? learn(rhythm, timesOf()) : rhythm;
  if (learned === rhythm && !isNew) return undefined;
  return { ...said, maxGapUs: inferGapUs(learned, newType ?? series.sampleType), rhythm: learned };
}

const maxTries = 4;

/** Changes the declaration of a series as a column says; others may do so at the same time. */
export async function updateDeclaration(
  samples: Declaring,
  timesOf: () => Float64Array,
  { series, catalog }: { series: Series; catalog: Catalog },
): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    const declaration = newDeclaration(samples, timesOf, series);
    if (declaration === undefined || (await catalog.redeclare(series, declaration))) return;
  }
}
