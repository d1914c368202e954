// Packs times: one grid costs nothing beyond the header, runs of a grid cost an anchor each,
// offsets from it a few bits.
import { BlockError } from "./block-error.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { flag, maxBlockCount } from "./header.ts";
import { writeIntStream } from "./int-stream-encode.ts";

const offsets = new Int32Array(maxBlockCount);
const anchors = new Uint16Array(maxBlockCount);
const probes = 65;
/** Beyond this an offset could leave int32; a run ends first. */
const maxOffset = 2 ** 30;

/**
 * How times are to be packed: units are 10^exponent µs, the period is in units, runs begin at the
 * first `runs` anchors.
 */
type TimePlan = { exponent: number; period: number; runs: number; withOffsets: boolean };

/**
 * Appends the time part and returns its flags. The first time, the last and the span must already
 * be known to be whole. Throws BlockError `invalid-column` for times between that are unsorted or
 * fractional.
 */
export function writeTimes(writer: ByteWriter, timesUs: Float64Array): number {
  const count = timesUs.length;
  const first = timesUs[0]!;
  if (isGrid(timesUs, count === 1 ? 0 : (timesUs[count - 1]! - first) / (count - 1))) return 0;

  const { exponent, medianUs, spreadUs } = survey(timesUs);
  const unit = 10 ** exponent;
  // Runs of the exact median period: the shortest form if few intervals differ from it.
  let irregular = 0;
  for (let i = 1; i < count; i++) if (timesUs[i]! - timesUs[i - 1]! !== medianUs) irregular++;
  const asRuns = irregular * 8 <= count && medianUs % unit === 0;
  const start = writer.length;
  if (asRuns) {
    writePlan(writer, timesUs, cutExact(timesUs, medianUs, exponent));
    if (irregular * 64 <= count) return flag.timeRuns;
  }
  const runsLength = writer.length - start;
  const plan = cutLoose(timesUs, exponent, medianUs + Math.max(32 * spreadUs, medianUs / 2, unit));
  writePlan(writer, timesUs, plan);
  if (!asRuns) return flag.timeOffsets | (plan.runs > 0 ? flag.timeRuns : 0);
  // Both forms are in the buffer, one after the other: keep the shorter.
  if (writer.length - start - runsLength >= runsLength) {
    writer.length = start + runsLength;
    return flag.timeRuns;
  }
  writer.bytes.copyWithin(start, start + runsLength, writer.length);
  writer.length -= runsLength;
  return flag.timeOffsets | (plan.runs > 0 ? flag.timeRuns : 0);
}

function isGrid(timesUs: Float64Array, periodUs: number): boolean {
  if (!Number.isInteger(periodUs)) return false;
  const first = timesUs[0]!;
  for (let i = 1; i < timesUs.length; i++) if (timesUs[i] !== first + i * periodUs) return false;
  return true;
}

/**
 * Checks every interval; finds the largest power of ten that divides them all, their median and how
 * far they spread.
 */
function survey(timesUs: Float64Array): { exponent: number; medianUs: number; spreadUs: number } {
  const count = timesUs.length;
  let exponent = 6;
  let unit = 1e6;
  for (let i = 1; i < count; i++) {
    const interval = timesUs[i]! - timesUs[i - 1]!;
    if (!(interval >= 0) || Math.floor(interval) !== interval) {
      throw new BlockError("invalid-column", "times are whole microseconds below 2^53, sorted");
    }
    while (exponent > 0 && Math.floor(interval / unit) * unit !== interval) unit = 10 ** --exponent;
  }
  const tried = Math.min(probes, count - 1);
  const sample = new Float64Array(tried);
  for (let i = 0; i < tried; i++) {
    const at = 1 + Math.floor((i * (count - 1)) / tried);
    sample[i] = timesUs[at]! - timesUs[at - 1]!;
  }
  const medianUs = sample.sort()[tried >> 1]!;
  for (let i = 0; i < tried; i++) sample[i] = Math.abs(sample[i]! - medianUs);
  return { exponent, medianUs, spreadUs: sample.sort()[tried >> 1]! };
}

/** Ends a run at every interval that is not the period. */
function cutExact(timesUs: Float64Array, periodUs: number, exponent: number): TimePlan {
  let runs = 0;
  for (let i = 1; i < timesUs.length; i++) {
    if (timesUs[i]! - timesUs[i - 1]! !== periodUs) anchors[runs++] = i;
  }
  return { exponent, period: periodUs / 10 ** exponent, runs, withOffsets: false };
}

/**
 * Ends a run only at long intervals; within runs each time is an offset from the grid of the mean
 * period.
 */
function cutLoose(timesUs: Float64Array, exponent: number, longestUs: number): TimePlan {
  const count = timesUs.length;
  const unit = 10 ** exponent;
  const first = timesUs[0]!;
  let longest = longestUs;
  let long = 0;
  let longUs = 0;
  for (let i = 1; i < count; i++) {
    const interval = timesUs[i]! - timesUs[i - 1]!;
    if (interval <= longest) continue;
    long++;
    longUs += interval;
  }
  if (long * 16 > count) {
    longest = Number.POSITIVE_INFINITY;
    long = 0;
    longUs = 0;
  }
  const mean = (timesUs[count - 1]! - first - longUs) / unit / Math.max(1, count - 1 - long);
  const period = Math.max(0, Math.round(mean));
  let runs = 0;
  let anchor = first;
  let begin = 0;
  offsets[0] = 0;
  for (let i = 1; i < count; i++) {
    const time = timesUs[i]!;
    let offset = (time - anchor) / unit - (i - begin) * period;
    if (time - timesUs[i - 1]! > longest || offset > maxOffset || offset < -maxOffset) {
      anchors[runs++] = i;
      anchor = time;
      begin = i;
      offset = 0;
    }
    offsets[i] = offset;
  }
  return { exponent, period, runs, withOffsets: true };
}

function writePlan(writer: ByteWriter, timesUs: Float64Array, plan: TimePlan): void {
  const { exponent, period, runs, withOffsets } = plan;
  const unit = 10 ** exponent;
  writer.u8(exponent);
  writer.varint(period);
  if (runs > 0) {
    writer.varint(runs);
    let begin = 0;
    for (let r = 0; r < runs; r++) {
      const next = anchors[r]!;
      writer.varint(next - begin);
      writer.varint((timesUs[next]! - timesUs[begin]!) / unit);
      begin = next;
    }
  }
  if (withOffsets) writeIntStream(writer, offsets, timesUs.length);
}
