// Stored samples as the contract's Samples, with the declaration of their series.
import { Duplicates, type Samples, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../codec/column.ts";
import { type Declaration, toSamples } from "../../codec/wire/samples.ts";
import { isLearning } from "./declare.ts";
import type { Series } from "./series.ts";

/** The part of a series that is sent with its samples. */
export type ShownSeries = Declaration & Pick<Series, "rhythm">;

/**
 * As toSamples. A client that sends it back declares its contents: LINEAR and KEEP are left out,
 * since they are the defaults, and so is a max_gap that is inferred from too few samples to stay.
 */
export function shownSamples(series: ShownSeries, column: Column): Samples {
  const { signal, unit, sampleType, duplicates } = series;
  const declaration = {
    maxGapUs: isLearning(series) ? undefined : series.maxGapUs,
    sampleType: sampleType === SampleType.LINEAR ? undefined : sampleType,
    duplicates: duplicates === Duplicates.KEEP ? undefined : duplicates,
  };
  return toSamples({ signal, unit, ...declaration }, column);
}
