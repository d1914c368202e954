// Columns of samples to the contract's Samples and back.
import { create } from "@bufbuild/protobuf";
import { type Samples, SamplesSchema } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "./column.ts";
import { toDuration } from "./timestamps.ts";

/**
 * Times of a wire column in microseconds, in the order given. As many as its deltas say, or as it has values on a grid. Times beyond
 * 2^53 come out rounded: far outside of what ingest takes.
 */
export function timesOf({ times, values }: Samples): Float64Array {
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

/** The column of a message that the server sent: as long as it is, sorted by time. */
export function toColumn(samples: Samples): Column {
  return { timesUs: timesOf(samples), values: new Float64Array(samples.values) };
}

/** What a numeric signal declares with its samples. */
export type Declaration = { signal: string; unit: string; maxGapUs: number | undefined };

/** A column as the contract's Samples: a grid if its times are evenly spaced, deltas otherwise. */
export function toSamples({ signal, unit, maxGapUs }: Declaration, { timesUs, values }: Column): Samples {
  const period = periodOf(timesUs);
  const times: Samples["times"] =
    period === undefined
      ? { case: "deltas", value: { $typeName: "millrace.v1.Deltas", deltaUs: deltasOf(timesUs) } }
      : {
          case: "grid",
          value: { $typeName: "millrace.v1.Grid", startUs: BigInt(timesUs[0]!), periodUs: BigInt(period) },
        };
  const message = create(SamplesSchema, { signal, unit, values: toNumbers(values) });
  message.times = times;
  if (maxGapUs !== undefined) message.maxGap = toDuration(maxGapUs);
  return message;
}

/** Array.from() asks an iterator for each value: ten times as long. */
function toNumbers(values: Float64Array): number[] {
  const { length } = values;
  const numbers = new Array<number>(length);
  for (let i = 0; i < length; i++) numbers[i] = values[i]!;
  return numbers;
}

/** The one distance between neighbours, or undefined if there is none: fewer than two samples count as a grid of 1 µs. */
function periodOf(timesUs: Float64Array): number | undefined {
  const { length } = timesUs;
  if (length === 0) return undefined;
  if (length === 1) return 1;
  const period = timesUs[1]! - timesUs[0]!;
  if (period < 1) return undefined;
  for (let i = 2; i < length; i++) if (timesUs[i]! - timesUs[i - 1]! !== period) return undefined;
  return period;
}

function deltasOf(timesUs: Float64Array): bigint[] {
  const deltas = new Array<bigint>(timesUs.length);
  let before = 0;
  for (let i = 0; i < timesUs.length; i++) {
    deltas[i] = BigInt(timesUs[i]! - before);
    before = timesUs[i]!;
  }
  return deltas;
}
