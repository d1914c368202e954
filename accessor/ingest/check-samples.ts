// Splits a batch's columns into stored and rejected samples, and sorts the stored ones by time.
import { RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type Duplicates,
  DuplicatesSchema,
  type Samples,
  SampleType,
  SampleTypeSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../codec/column.ts";
import {
  type Fault,
  maxGapFault,
  maxMaxGapUs,
  notFinite,
  textBounds,
  textFault,
} from "../../codec/row/text-fault.ts";
import { toDurationUs } from "../../codec/timestamps.ts";
import { readUnit } from "../../codec/unit.ts";
import { columnFields } from "../../codec/wire/column-message.ts";
import type { Series } from "../store/series.ts";
import { eventSignals, signalPattern } from "./name-patterns.ts";
import { type TimeLimits, timeFault } from "./time-limits.ts";
import type { Verdicts } from "./verdicts.ts";
import { byRedeclaring } from "./warnings.ts";

const typeNames = new Map(
  SampleTypeSchema.values.map(({ number, localName }) => [number, localName]),
);

/** What is wrong with a column as a whole, before its series is known. */
export function columnFault(samples: Samples, column: Column): Fault | undefined {
  const { signal, unit, maxGap, sampleType, duplicates } = samples;
  if (eventSignals.has(signal))
    return {
      reason: "SIGNAL_NAME_INVALID",
      message: `"${signal}" is not numeric: send it in its own list`,
    };
  if (!signalPattern.test(signal)) {
    return {
      reason: "SIGNAL_NAME_INVALID",
      message: `signal ${JSON.stringify(signal.slice(0, 80))} does not fit [a-z][a-z0-9_]{0,62}`,
    };
  }
  const fault = timesFault(samples, column);
  if (fault !== undefined) return fault;
  if (maxGap !== undefined) {
    const maxGapUs = toDurationUs(maxGap);
    if (!(maxGapUs > 0 && maxGapUs <= maxMaxGapUs)) return maxGapFault;
  }
  if (typeNames.get(sampleType) === undefined)
    return {
      reason: "COLUMN_INVALID",
      message: `sample_type ${sampleType} is not LINEAR, STEP or COUNTER`,
    };
  return duplicatesFault(duplicates) ?? textFault("unit", unit, textBounds.unit);
}

/** What is wrong with a meaning of duplicates, of a column or of events. */
export const duplicatesFault = (duplicates: Duplicates): Fault | undefined =>
  DuplicatesSchema.value[duplicates] === undefined
    ? { reason: "COLUMN_INVALID", message: `duplicates ${duplicates} is not KEEP or DROP` }
    : undefined;

function timesFault(samples: Samples, { timesUs, values }: Column): Fault | undefined {
  const fault = (message: string): Fault => ({ reason: "COLUMN_INVALID", message });
  // Reading the deltas of a packed column would unpack them.
  const isDeltas =
    columnFields(samples)?.spacing === undefined && columnFields(samples) !== undefined;
  if (!isDeltas) {
    const { times } = samples;
    if (times.case === undefined) return fault("the column has no times: set grid or deltas");
    if (times.case === "grid" && times.value.periodUs < 1n)
      return fault("grid.period_us must be at least 1");
  }
  if (timesUs.length !== values.length)
    return fault(`the column has ${timesUs.length} times and ${values.length} values`);
  return undefined;
}

const cure = `Correct what was declared wrong ${byRedeclaring}`;

/** What is wrong with a column's declaration, compared with its known series. */
export function declarationFault(
  { unit, maxGap, sampleType, duplicates }: Samples,
  series: Series,
): Fault | undefined {
  const what = `signal ${series.signal} of ${series.machine}`;
  // A unit that was declared by an older version may have blanks at its ends.
  if (unit !== "" && unit !== readUnit(series.unit)) {
    return {
      reason: "SIGNAL_DECLARATION_MISMATCH",
      message: `${what} has unit "${series.unit}", not "${unit}": give the other unit another name. ${cure}`,
    };
  }
  if (maxGap !== undefined && toDurationUs(maxGap) !== series.maxGapUs) {
    return {
      reason: "SIGNAL_DECLARATION_MISMATCH",
      message: `${what} has max_gap ${(series.maxGapUs ?? 0) / 1e6} s, not ${toDurationUs(maxGap) / 1e6} s: leave it unset or as declared. ${cure}`,
    };
  }
  if (sampleType !== SampleType.UNSPECIFIED && sampleType !== series.sampleType) {
    const names = [series.sampleType, sampleType].map((one) =>
      typeNames.get(one || SampleType.LINEAR),
    );
    return {
      reason: "SIGNAL_DECLARATION_MISMATCH",
      message: `${what} has sample_type ${names[0]}, not ${names[1]}: leave it unset or as declared. ${cure}`,
    };
  }
  return duplicatesMismatch(duplicates, series);
}

/** Also of events. */
export function duplicatesMismatch(duplicates: Duplicates, series: Series): Fault | undefined {
  if (duplicates === 0 || duplicates === series.duplicates) return undefined;
  const [known, given] = [series.duplicates, duplicates].map(
    (one) => DuplicatesSchema.value[one]?.localName,
  );
  const message = `signal ${series.signal} of ${series.machine} has duplicates ${known}, not ${given}: leave it unset or as declared. ${cure}`;
  return { reason: "SIGNAL_DECLARATION_MISMATCH", message };
}

/**
 * The samples of a column to store, sorted by time; the others get verdicts. Returns the same
 * column if all are stored and already sorted.
 */
export function acceptSamples(
  position: number,
  column: Column,
  options: { timeLimits: TimeLimits; verdicts: Verdicts },
): Column {
  const { timesUs, values } = column;
  const { oldestUs, newestUs } = options.timeLimits;
  let sorted = true;
  let fine = 0;
  let beforeUs = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < timesUs.length; i++) {
    const timeUs = timesUs[i]!;
    const value = values[i]!;
    // x - x is NaN for NaN and ±Infinity, so this also rejects values that are not finite.
    if (value - value === 0 && timeUs >= oldestUs && timeUs <= newestUs) fine++;
    if (timeUs < beforeUs) sorted = false;
    beforeUs = timeUs;
  }
  if (fine === timesUs.length && sorted) return column;
  const kept = keep(position, column, options);
  if (!sorted) kept.sort((a, b) => timesUs[a]! - timesUs[b]! || a - b);
  return { timesUs: pick(timesUs, kept), values: pick(values, kept) };
}

/** Float64Array.from() takes 20 times as long. */
function pick(numbers: Float64Array, places: readonly number[]): Float64Array {
  const picked = new Float64Array(places.length);
  for (let i = 0; i < places.length; i++) picked[i] = numbers[places[i]!]!;
  return picked;
}

/**
 * Positions of the samples to store. Neighbours with the same fault are reported together: a whole
 * column may have it.
 */
function keep(
  position: number,
  { timesUs, values }: Column,
  { timeLimits, verdicts }: { timeLimits: TimeLimits; verdicts: Verdicts },
): number[] {
  const { oldestUs, newestUs } = timeLimits;
  const faultAt = (i: number) => {
    if (!Number.isFinite(values[i])) return 3;
    return timesUs[i]! < oldestUs ? 2 : timesUs[i]! > newestUs ? 1 : 0;
  };
  const kept: number[] = [];
  for (let first = 0; first < timesUs.length; ) {
    const kind = faultAt(first);
    let end = first;
    for (; end < timesUs.length && faultAt(end) === kind; end++) if (kind === 0) kept.push(end);
    const fault = kind === 3 ? notFinite : timeFault(timesUs[first]!, timeLimits);
    if (fault !== undefined)
      verdicts.add({ kind: RecordKind.SAMPLE, column: position, first, count: end - first }, fault);
    first = end;
  }
  return kept;
}

/** Whether acceptSamples would keep any sample. */
export function hasAcceptable(
  { timesUs, values }: Column,
  { oldestUs, newestUs }: TimeLimits,
): boolean {
  for (let i = 0; i < timesUs.length; i++) {
    if (Number.isFinite(values[i]) && timesUs[i]! >= oldestUs && timesUs[i]! <= newestUs)
      return true;
  }
  return false;
}

/**
 * Times of the samples that may be stored, ascending, for all columns of a signal in a batch
 * together, since together they show its rhythm.
 */
export function acceptableTimes(
  columns: readonly Column[],
  { oldestUs, newestUs }: TimeLimits,
): Float64Array {
  const fine = columns.map(({ timesUs, values }) =>
    timesUs.filter(
      (timeUs, i) => Number.isFinite(values[i]) && timeUs >= oldestUs && timeUs <= newestUs,
    ),
  );
  const all = new Float64Array(fine.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const timesUs of fine) {
    all.set(timesUs, at);
    at += timesUs.length;
  }
  return all.sort();
}
