// Stored samples as the contract's Samples, with what their series declares.
import { type Samples, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../codec/column.ts";
import { type Declaration, toSamples } from "../../codec/wire/samples.ts";
import { isLearning } from "./declare.ts";
import type { Series } from "./series.ts";

/** What is shown of a series with its samples. */
export type ShownSeries = Declaration & Pick<Series, "rhythm">;

/**
 * As toSamples. Whoever sends it back declares what it says: LINEAR is left out, which holds where
 * nothing is said, and so is a max_gap that is inferred from too few samples to stay.
 */
export function shownSamples(series: ShownSeries, column: Column): Samples {
  const { signal, unit, sampleType } = series;
  const declaration = {
    maxGapUs: isLearning(series) ? undefined : series.maxGapUs,
    sampleType: sampleType === SampleType.LINEAR ? undefined : sampleType,
  };
  return toSamples({ signal, unit, ...declaration }, column);
}
