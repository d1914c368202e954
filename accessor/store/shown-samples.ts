// Stored samples as the contract's Samples, with what their series declares.
import { type Samples, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../samples/column.ts";
import { type Declaration, toSamples } from "../../samples/wire.ts";

/** As toSamples. LINEAR is left out: it is what holds where nothing is said. */
export const shownSamples = ({ signal, unit, maxGapUs, sampleType }: Declaration, column: Column): Samples =>
  toSamples({ signal, unit, maxGapUs, sampleType: sampleType === SampleType.LINEAR ? undefined : sampleType }, column);
