// The contract's Samples over a column: arrays of numbers and bigints are made only when the fields
// are read, which is rare.
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Duplicates, Samples, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../column.ts";

/** Evenly spaced times: the contract's Grid as numbers. */
export type Spacing = { readonly startUs: number; readonly periodUs: number };

export type ColumnFields = {
  readonly signal: string;
  readonly unit: string;
  readonly maxGap: Duration | undefined;
  readonly sampleType: SampleType;
  readonly duplicates: Duplicates;
  readonly column: Column;
  /** The spacing of a grid; undefined: the times are deltas. */
  readonly spacing: Spacing | undefined;
};

/** Fields whose column is unpacked on first use, or directly into memory of its reader. */
export class PackedColumn implements ColumnFields {
  readonly signal: string;
  readonly unit: string;
  readonly maxGap: Duration | undefined;
  readonly sampleType: SampleType;
  readonly duplicates: Duplicates;
  readonly spacing: Spacing | undefined;
  readonly count: number;
  #column: Column | undefined;
  /** Released once the column is made: it keeps the whole message in memory. */
  #packed: Packed | undefined;

  /**
   * packed.timesUs: undefined where the times are on the grid of the spacing; otherwise as many as
   * there are values, or the column will be refused.
   */
  constructor(
    { signal, unit, maxGap, sampleType, duplicates, spacing }: Omit<ColumnFields, "column">,
    packed: Packed,
  ) {
    this.signal = signal;
    this.unit = unit;
    this.maxGap = maxGap;
    this.sampleType = sampleType;
    this.duplicates = duplicates;
    this.spacing = spacing;
    this.count = packed.values.count;
    this.#packed = packed;
  }

  get column(): Column {
    if (this.#column !== undefined) return this.#column;
    const { timesUs, values } = this.#packed!;
    this.#column = {
      timesUs: timesUs ?? new Float64Array(this.count),
      values: new Float64Array(this.count),
    };
    if (timesUs === undefined) fillGrid(this.#column.timesUs, 0, this);
    values.copyInto(this.#column.values, 0);
    this.#packed = undefined;
    return this.#column;
  }

  /** Writes the column, which must have as many times as values, into another one. */
  unpackInto(target: Column, offset: number): void {
    if (this.#packed !== undefined && this.spacing !== undefined) {
      fillGrid(target.timesUs, offset, this);
      this.#packed.values.copyInto(target.values, offset);
    } else {
      target.timesUs.set(this.column.timesUs, offset);
      target.values.set(this.column.values, offset);
    }
  }
}

type Packed = {
  timesUs: Float64Array | undefined;
  values: { readonly count: number; copyInto(target: Float64Array, offset: number): void };
};

function fillGrid(timesUs: Float64Array, offset: number, { count, spacing }: PackedColumn): void {
  const { startUs, periodUs } = spacing!;
  for (let i = 0; i < count; i++) timesUs[offset + i] = startUs + i * periodUs;
}

const fieldsOf = new WeakMap<Samples, ColumnFields>();

/** The fields that a message was made from; undefined if it was made elsewhere. */
export function columnFields(samples: Samples): ColumnFields | undefined {
  return fieldsOf.get(samples);
}

/**
 * A message over a column, which must not change afterwards. Reading `values` or `times` makes and
 * keeps an array of numbers or bigints.
 */
export function createColumnMessage(fields: ColumnFields): Samples {
  const { signal, unit, maxGap, sampleType, duplicates } = fields;
  let values: number[] | undefined;
  let times: Samples["times"] | undefined;
  const message: Samples = {
    $typeName: "millrace.v1.Samples",
    signal,
    unit,
    ...(maxGap === undefined ? {} : { maxGap }),
    sampleType,
    duplicates,
    get times() {
      times ??= timesOf(fields);
      return times;
    },
    get values() {
      values ??= toNumbers(fields.column.values);
      return values;
    },
  };
  fieldsOf.set(message, fields);
  return message;
}

function timesOf({ column: { timesUs }, spacing }: ColumnFields): Samples["times"] {
  if (spacing === undefined)
    return {
      case: "deltas",
      value: { $typeName: "millrace.v1.Deltas", deltaUs: deltasOf(timesUs) },
    };
  const value = { startUs: BigInt(spacing.startUs), periodUs: BigInt(spacing.periodUs) };
  return { case: "grid", value: { $typeName: "millrace.v1.Grid", ...value } };
}

/** Array.from() goes through an iterator, which takes ten times as long. */
function toNumbers(values: Float64Array): number[] {
  const { length } = values;
  const numbers = new Array<number>(length);
  for (let i = 0; i < length; i++) numbers[i] = values[i]!;
  return numbers;
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
