// Registers machines and series that a batch has for the first time, as far as its caller's quotas
// allow.
import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { type Refusal, RefusalSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { Duplicates, type Samples, SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { toDurationUs } from "../../codec/timestamps.ts";
import { Failure } from "../domain/failure.ts";
import { inferGapUs, learn, unknownRhythm } from "../history/infer-gap.ts";
import type { Catalog } from "../store/catalog.ts";
import { type Declaration, isLearning, type QuotaLimit } from "../store/declare.ts";
import type { NewSeries, Quotas, Series } from "../store/series.ts";

type Registering = {
  events: boolean;
  errors: boolean;
  eventDuplicates: Duplicates;
  catalog: Catalog;
  holder: string;
  quotas: Quotas;
};

type Declaring = Pick<Samples, "unit" | "maxGap" | "sampleType" | "duplicates">;

/**
 * What the columns of a batch declare about each signal that has a record to store (`hasRecords`):
 * the first value of each field. Columns without such a record come after those with one: rows of
 * an upload declare for each other, even a rejected row, but stored records take precedence. sound:
 * the columns whose declaration can be read.
 */
export function declarationsOf(
  samples: readonly Samples[],
  { sound, hasRecords }: { sound: readonly boolean[]; hasRecords: readonly boolean[] },
): Map<string, Declaring> {
  const declared = new Map<string, Declaring>();
  for (const [i, column] of samples.entries()) {
    if (!hasRecords[i]) continue;
    declared.set(column.signal, filled(declared.get(column.signal), column));
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
  { unit, maxGap, sampleType, duplicates }: Declaring,
): Declaring => ({
  unit: known?.unit || unit,
  maxGap: known?.maxGap ?? maxGap,
  sampleType: known?.sampleType || sampleType,
  duplicates: known?.duplicates || duplicates,
});

/**
 * declared: the declaration of each signal that has a record to store. timesOf: the times of those
 * records, ascending. Returns the limit that was reached, if any: then some are not registered.
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
  { events, errors, eventDuplicates, catalog, holder, quotas }: Registering,
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
    duplicates: eventDuplicates,
  };
  if (events) consider({ machine, signal: "state", kind: SignalKind.STATE, ...undeclared });
  if (errors) consider({ machine, signal: "error", kind: SignalKind.EVENT, ...undeclared });
  for (const [signal, declaring] of declared) {
    const { unit, maxGap, sampleType, duplicates } = declaring;
    const rhythm = maxGap === undefined ? learn(unknownRhythm, timesOf(signal)) : undefined;
    const maxGapUs = maxGap === undefined ? inferGapUs(rhythm!, sampleType) : toDurationUs(maxGap);
    const declaration = { unit, maxGapUs, rhythm, sampleType, duplicates };
    consider({ machine, signal, kind: SignalKind.NUMERIC, ...declaration });
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

/** The refusal for a caller that may register no more. */
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
 * Whether a column declares something: a signal, its unit, max_gap, type, or what duplicates mean.
 * A rhythm that is learned from its samples does not count, since it is only a guess.
 */
export const declares = (
  { unit, maxGap, sampleType, duplicates }: Declaring,
  known: Series | undefined,
): boolean =>
  known === undefined ||
  (known.unit === "" && unit !== "") ||
  declaresGap({ maxGap, sampleType }, known) ||
  (known.sampleType === SampleType.UNSPECIFIED && sampleType !== SampleType.UNSPECIFIED) ||
  (known.duplicates === Duplicates.UNSPECIFIED && duplicates !== Duplicates.UNSPECIFIED);

/**
 * Whether a max_gap replaces an inferred one. An inferred value that has settled and comes back in
 * an export does not: it stays inferred.
 */
function declaresGap(
  { maxGap, sampleType }: Pick<Declaring, "maxGap" | "sampleType">,
  known: Series,
): boolean {
  if (known.rhythm === undefined || maxGap === undefined) return false;
  return (
    isLearning(known) ||
    toDurationUs(maxGap) !== inferGapUs(known.rhythm, known.sampleType || sampleType)
  );
}

/**
 * timesOf: times of the samples that may be stored, ascending.
 *
 * What a column adds to a known series: a unit, a max_gap, a type or a meaning of duplicates that
 * is not declared yet, or more of the rhythm from which its max_gap is inferred. Undefined: nothing
 * new.
 */
function newDeclaration(
  { unit, maxGap, sampleType, duplicates }: Declaring,
  timesOf: () => Float64Array,
  series: Series,
): Declaration | undefined {
  const newUnit = series.unit === "" && unit !== "" ? unit : undefined;
  const newType =
    series.sampleType === SampleType.UNSPECIFIED && sampleType !== 0 ? sampleType : undefined;
  const newDuplicates =
    series.duplicates === Duplicates.UNSPECIFIED && duplicates !== 0 ? duplicates : undefined;
  const added = { unit: newUnit, sampleType: newType, duplicates: newDuplicates };
  const isNew = Object.values(added).some((one) => one !== undefined);
  const { rhythm, maxGapUs } = series;
  if (rhythm === undefined || maxGapUs === undefined)
    return isNew ? { ...added, maxGapUs, rhythm } : undefined;
  if (declaresGap({ maxGap, sampleType }, series))
    return { ...added, maxGapUs: toDurationUs(maxGap!), rhythm: undefined };
  const learned = isLearning(series) ? learn(rhythm, timesOf()) : rhythm;
  if (learned === rhythm && !isNew) return undefined;
  return { ...added, maxGapUs: inferGapUs(learned, newType ?? series.sampleType), rhythm: learned };
}

const maxTries = 4;

/**
 * Changes the declaration of a series as a column declares it; other calls may do so at the same
 * time.
 */
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
