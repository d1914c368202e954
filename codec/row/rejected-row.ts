// Writes a record that was not accepted as a flat row. Values that may be the reason stay
// unchanged, and record.ts can read the row again once it is corrected.
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch, Samples, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { toDurationUs } from "../timestamps.ts";
import { timesOf } from "../wire/samples.ts";
import { duplicatesWord } from "./duplicates.ts";
import { durationText } from "./duration.ts";
import { errorFields, stateFields } from "./record-rows.ts";
import { sampleTypeWord } from "./sample-type.ts";

/** The position of a record in its batch. */
export type Place = { kind: RecordKind; column: number; position: number };

/** The fields of a row by name, except its machine. */
export type RejectedRow = Record<string, unknown>;

/** The row of the record at a place; without fields if there is none. */
export function rejectedRow(batch: Batch, { kind, column, position }: Place): RejectedRow {
  if (kind === RecordKind.STATE_CHANGE) {
    const change = batch.stateChanges[position];
    if (!change) return {};
    return { signal: "state", time: timeOf(change.time), ...stateFields(change) };
  }
  if (kind === RecordKind.ERROR_REPORT) {
    const report = batch.errorReports[position];
    if (!report) return {};
    return { signal: "error", time: timeOf(report.time), ...errorFields(report) };
  }
  const samples = batch.samples[column];
  if (!samples) return {};
  const timeUs = samples.times.case === undefined ? undefined : timesOfColumn(samples)[position];
  const value = samples.values[position];
  const { signal, unit, maxGap, sampleType, duplicates } = samples;
  const declared = {
    unit,
    ...(maxGap && { max_gap: gapText(maxGap) }),
    ...(sampleType && { sample_type: typeText(sampleType) }),
    ...(duplicates && { duplicates: duplicatesWord(duplicates) ?? String(duplicates) }),
  };
  return { signal, ...declared, time: timeText(timeUs), value: shownValue(value) };
}

const columnTimes = new WeakMap<Samples, Float64Array>();

/** Computed once for all records of a column. */
function timesOfColumn(samples: Samples): Float64Array {
  const made = columnTimes.get(samples) ?? timesOf(samples);
  columnTimes.set(samples, made);
  return made;
}

/** An invalid max_gap stays invalid: it may be why the record was rejected. */
function gapText(maxGap: Duration): string {
  const us = toDurationUs(maxGap);
  return Number.isSafeInteger(us) && us >= 0
    ? durationText(BigInt(us))
    : `${maxGap.seconds} s ${maxGap.nanos} ns`;
}

/** An invalid type stays invalid too. */
const typeText = (type: SampleType): string => sampleTypeWord(type) ?? String(type);

function timeOf(time: Timestamp | undefined): string | undefined {
  return time && timeText(Number(time.seconds) * 1e6 + Math.floor(time.nanos / 1000));
}

/** RFC 3339 to the microsecond; a number that is not a date, as "N us". */
function timeText(timeUs: number | undefined): string | undefined {
  if (timeUs === undefined) return undefined;
  const whole = Math.floor(timeUs / 1e6);
  const date = new Date(whole * 1000);
  if (Number.isNaN(date.getTime())) return `${timeUs} us`;
  return `${date.toISOString().slice(0, -5)}.${String(timeUs - whole * 1e6).padStart(6, "0")}Z`;
}

/** JSON has no NaN, no infinity and no -0. */
function shownValue(value: number | undefined): number | string | undefined {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : String(value);
}
