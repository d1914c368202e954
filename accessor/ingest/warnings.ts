// Warnings about samples that are stored all the same: returned to their sender, and not kept.
import { create } from "@bufbuild/protobuf";
import { type Warning, WarningReason, WarningSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../codec/column.ts";
import { wattsPer } from "../../codec/power-unit.ts";
import { durationText } from "../../codec/row/duration.ts";
import { maxMaxGapUs } from "../../codec/row/text-fault.ts";
import type { Rhythm } from "../history/infer-gap.ts";
import type { Series } from "../store/series.ts";

/**
 * The samples of one series that a batch stores: the position of its first column, and all samples
 * in order of time. replaced: the rhythm that max_gap was inferred from until this batch declared
 * it.
 */
export type StoredColumn = { position: number; column: Column; replaced?: Rhythm | undefined };

/** Texts are for people, who do not read more. */
export const maxWarnings = 100;

/** Its reader may use gRPC, REST or a file. */
export const byRedeclaring =
  "with RedeclareSignal (REST: PATCH /machines/{machine}/signals/{signal}; command line: npx millrace redeclare)";

/** In order of columns; more than `maxWarnings` are left out. */
export function warningsOf(
  stored: ReadonlyMap<Series, StoredColumn>,
  otherValues: ReadonlyMap<Series, number> = new Map(),
): Warning[] {
  const warnings: Warning[] = [];
  for (const [series, { position, column, replaced }] of stored) {
    const texts = [
      [
        WarningReason.NOT_COVERED,
        notCovered(series, column.timesUs) ?? noLongerCovered(series, replaced),
      ],
      [WarningReason.NO_ENERGY, noEnergy(series)],
      [WarningReason.DIFFERENT_VALUES, differentValues(series, otherValues.get(series))],
    ] as const;
    for (const [reason, message] of texts) {
      if (message === undefined) continue;
      if (warnings.length === maxWarnings) return warnings;
      warnings.push(create(WarningSchema, { reason, column: position, message }));
    }
  }
  return warnings;
}

/**
 * For nearly every column the first two samples end the search. A value of a STEP signal holds
 * whatever follows.
 */
function notCovered(
  { signal, maxGapUs, rhythm, sampleType }: Series,
  timesUs: Float64Array,
): string | undefined {
  if (maxGapUs === undefined || sampleType === SampleType.STEP) return undefined;
  let closestUs = Number.POSITIVE_INFINITY;
  for (let i = 1; i < timesUs.length; i++) {
    const distanceUs = timesUs[i]! - timesUs[i - 1]!;
    // There is no time between samples at the same time.
    if (distanceUs === 0 || distanceUs >= closestUs) continue;
    if (distanceUs <= maxGapUs) return undefined;
    closestUs = distanceUs;
  }
  if (closestUs === Number.POSITIVE_INFINITY) return undefined;
  const [gap, closest] = [maxGapUs, closestUs].map((us) => durationText(BigInt(us)));
  const what = sampleType === SampleType.COUNTER ? "increase" : "integral, energy";
  const cure =
    closestUs > maxMaxGapUs
      ? "No max_gap bridges that: it is at most 24 h"
      : rhythm === undefined
        ? `If they belong together, correct max_gap ${byRedeclaring}`
        : "If they belong together, send max_gap with the samples";
  return `samples of "${signal}" are at least ${closest} apart, more than its max_gap of ${gap}: between them there is no ${what} or coverage. ${cure}`;
}

/**
 * The warning about samples that were stored before, if the declared max_gap is below all their
 * distances.
 */
function noLongerCovered(
  { signal, maxGapUs, sampleType }: Series,
  replaced: Rhythm | undefined,
): string | undefined {
  if (maxGapUs === undefined || sampleType === SampleType.STEP || !replaced?.distancesUs.length)
    return undefined;
  const closestUs = replaced.distancesUs.reduce((a, b) => Math.min(a, b));
  if (closestUs <= maxGapUs) return undefined;
  const [gap, closest] = [maxGapUs, closestUs].map((us) => durationText(BigInt(us)));
  return `this batch declares a max_gap of ${gap} for "${signal}", whose first samples are at least ${closest} apart: between such samples there is no integral, energy, increase or coverage. Correct a wrong max_gap ${byRedeclaring}`;
}

function differentValues({ signal }: Series, count = 0): string | undefined {
  if (count === 0) return undefined;
  const which = count === 1 ? "1 sample" : `${count} samples`;
  return `${which} of "${signal}" have a time at which another value is stored: both are kept. Send each value once, with the time at which it was measured; give two sources two signals`;
}

/** Warnings about a declaration, which its correction returns. */
export function energyWarnings(declared: Declared): Warning[] {
  const message = noEnergy(declared);
  return message === undefined
    ? []
    : [create(WarningSchema, { reason: WarningReason.NO_ENERGY, message })];
}

type Declared = Pick<Series, "signal" | "unit" | "sampleType">;

function noEnergy({ signal, unit, sampleType }: Declared): string | undefined {
  if (signal !== "power") return undefined;
  if (sampleType === SampleType.COUNTER)
    return `"power" is declared as a COUNTER, so it gives no energy. Send a count of energy as a signal of another name; correct a wrong sample_type ${byRedeclaring}`;
  if (wattsPer(unit) !== undefined) return undefined;
  return `"power" in ${JSON.stringify(unit)} gives no energy: watts in one of it are not known. Send W, kW, MW, GW or mW; correct a wrong unit ${byRedeclaring}`;
}
