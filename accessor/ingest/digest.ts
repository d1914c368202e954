// What a batch says, in 16 bytes: equal for equal decoded content, however it was encoded. Proof that a repeated sequence repeats its batch.
import { createHash, type Hash } from "node:crypto";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../samples/column.ts";

// Bump it when the order or the fields below change; receipts of an older version then compare as other content, so keep the old one too.
const version = 1;

/**
 * First 16 bytes of SHA-256 over, in order, numbers as little-endian float64 and texts as length and UTF-8: version, machine; each state
 * change (seconds, nanos, state, reason); each error report (seconds, nanos, severity, code, message); each column (signal, unit,
 * max_gap seconds and nanos, times in microseconds, values). Each list and each array is preceded by its length. columns: the batch's
 * samples decoded, in the order given.
 */
export function digestOf(batch: Batch, columns: readonly Column[]): Buffer {
  const hash = createHash("sha256");
  const numbers: number[] = [version];
  const flush = () => {
    if (numbers.length > 0) hashNumbers(hash, Float64Array.from(numbers));
    numbers.length = 0;
  };
  const text = (value: string) => {
    numbers.push(Buffer.byteLength(value));
    flush();
    hash.update(value, "utf8");
  };
  // A missing time is no time that a present one can equal.
  const time = (value: Timestamp | undefined) =>
    numbers.push(Number(value?.seconds ?? Number.NaN), value?.nanos ?? Number.NaN);

  text(batch.machine);
  numbers.push(batch.stateChanges.length);
  for (const change of batch.stateChanges) {
    time(change.time);
    numbers.push(change.state);
    text(change.reason);
  }
  numbers.push(batch.errorReports.length);
  for (const report of batch.errorReports) {
    time(report.time);
    numbers.push(report.severity);
    text(report.code);
    text(report.message);
  }
  numbers.push(batch.samples.length);
  for (const [i, samples] of batch.samples.entries()) {
    text(samples.signal);
    text(samples.unit);
    numbers.push(Number(samples.maxGap?.seconds ?? Number.NaN), samples.maxGap?.nanos ?? Number.NaN);
    const { timesUs, values } = columns[i]!;
    for (const array of [timesUs, values]) {
      numbers.push(array.length);
      flush();
      hashNumbers(hash, array);
    }
  }
  flush();
  return hash.digest().subarray(0, 16);
}

function hashNumbers(hash: Hash, numbers: Float64Array): void {
  hash.update(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
}
