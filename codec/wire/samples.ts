// Columns of samples to the contract's Samples and back.
import { Duplicates, type Samples, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../column.ts";
import { toDuration } from "../timestamps.ts";
import { columnFields, createColumnMessage, PackedColumn } from "./column-message.ts";

/**
 * Times of a wire column in microseconds, in the order given. As many as it has deltas, or values
 * on a grid. Times beyond 2^53 are rounded: they are far outside of what ingest accepts.
 */
export function timesOf(samples: Samples): Float64Array {
  const known = columnFields(samples);
  if (known !== undefined) return known.column.timesUs;
  const { times, values } = samples;
  if (times.case === "grid") {
    const { length } = values;
    const timesUs = new Float64Array(length);
    const startUs = Number(times.value.startUs);
    const periodUs = Number(times.value.periodUs);
    for (let i = 0; i < length; i++) timesUs[i] = startUs + i * periodUs;
    return timesUs;
  }
  if (times.case === "deltas") {
    const { deltaUs } = times.value;
    const timesUs = new Float64Array(deltaUs.length);
    let timeUs = 0;
    for (let i = 0; i < deltaUs.length; i++) {
      timeUs += Number(deltaUs[i]);
      timesUs[i] = timeUs;
    }
    return timesUs;
  }
  return new Float64Array(0);
}

/**
 * Times and values of a message, in the order given. In a message from the server, both have the
 * same length and are sorted by time. Do not write to it.
 */
export function toColumn(samples: Samples): Column {
  return (
    columnFields(samples)?.column ?? {
      timesUs: timesOf(samples),
      values: new Float64Array(samples.values),
    }
  );
}

/** The same, written into a column from an index on; the column must have room for countSamples. */
export function unpackInto(samples: Samples, target: Column, offset: number): void {
  const fields = columnFields(samples);
  if (fields instanceof PackedColumn) {
    fields.unpackInto(target, offset);
    return;
  }
  const { timesUs, values } = toColumn(samples);
  target.timesUs.set(timesUs, offset);
  target.values.set(values, offset);
}

/** How many samples a message has. */
export function countSamples(samples: Samples): number {
  const fields = columnFields(samples);
  if (fields instanceof PackedColumn) return fields.count;
  return fields?.column.values.length ?? samples.values.length;
}

/** What a numeric signal declares with its samples. */
export type Declaration = {
  signal: string;
  unit: string;
  maxGapUs: number | undefined;
  /** Undefined means UNSPECIFIED. */
  sampleType?: SampleType | undefined;
  /** Undefined means UNSPECIFIED. */
  duplicates?: Duplicates | undefined;
};

/**
 * A column, which must not change afterwards, as the contract's Samples: a grid if its times are
 * evenly spaced, deltas otherwise.
 */
export function toSamples(
  { signal, unit, maxGapUs, sampleType, duplicates }: Declaration,
  column: Column,
): Samples {
  const periodUs = periodOf(column.timesUs);
  const spacing = periodUs === undefined ? undefined : { startUs: column.timesUs[0]!, periodUs };
  return createColumnMessage({
    signal,
    unit,
    maxGap: maxGapUs === undefined ? undefined : toDuration(maxGapUs),
    sampleType: sampleType ?? SampleType.UNSPECIFIED,
    duplicates: duplicates ?? Duplicates.UNSPECIFIED,
    column,
    spacing,
  });
}

/**
 * The one distance between neighbours, or undefined if there is none: fewer than two samples count
 * as a grid of 1 µs.
 */
function periodOf(timesUs: Float64Array): number | undefined {
  const { length } = timesUs;
  if (length === 0) return undefined;
  if (length === 1) return 1;
  const period = timesUs[1]! - timesUs[0]!;
  if (period < 1) return undefined;
  for (let i = 2; i < length; i++) if (timesUs[i]! - timesUs[i - 1]! !== period) return undefined;
  return period;
}
