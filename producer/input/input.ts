// Recorded signals as a source: a file or standard input, row by row into batches. Bad lines are
// reported, and the rest is sent.
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import type { FileFormat } from "../../codec/row/file-format.ts";
import { createGather } from "../../codec/row/gather.ts";
import type { Log } from "../../runtime/log.ts";
import { type ReadRow, readInput } from "./read-input.ts";
import { createReports, type InputSummary, reportFound } from "./reports.ts";

export type InputOptions = {
  source: Readable;
  log: Log;
  abort: AbortSignal;
  /** Records wait at most about this long for others to share their batch. */
  batchIntervalMs: number;
  /** How the input is written, and what holds for rows that do not say it. */
  format?: FileFormat;
  /**
   * Whether the same source must make the same batches each time: then records wait for the next
   * ones as long as needed, and times must not be relative to now. Default false.
   */
  repeatable?: boolean;
  /** Takes a batch; reading continues when the promise resolves. */
  append(batch: Batch): Promise<void>;
  /** Called with the number of bytes read and of machines seen so far. */
  onProgress?(progress: { readBytes: number; machines: number }): void;
};

/**
 * Sends all records of an input. Rejects when it cannot be read, when `abort` aborts, and with
 * BadText for an input that is not made of rows.
 */
export async function sendInput(options: InputOptions): Promise<InputSummary> {
  const {
    log,
    abort,
    batchIntervalMs,
    format = {},
    repeatable = false,
    append,
    onProgress,
  } = options;
  const source = addAbortSignal(abort, options.source);
  const summary: InputSummary = { lines: 0, records: 0, badLines: 0 };
  const gather = createGather();
  const machines = new Set<string>();

  // Batches are sent one after the other, including those that the timer sends while the loop waits
  // for the next line.
  let sending = Promise.resolve();
  let waiting = 0;
  const send = (batches: Batch[]) => {
    if (batches.length === 0) return sending;
    waiting++;
    sending = sending.then(async () => {
      for (const batch of batches) await append(batch);
      waiting--;
    });
    return sending;
  };
  const timer = setInterval(() => {
    // `sending` keeps a failure; destroying the source makes the reading loop reach it.
    if (waiting === 0 && !repeatable)
      send(gather.takeAll()).catch((error: Error) => source.destroy(error));
  }, batchIntervalMs);

  function take({ source: of, records, faults }: ReadRow): Batch[] {
    summary.lines += of.lines;
    if (faults.length > 0)
      report(
        of,
        faults.map(({ message }) => message),
      );
    for (const { declares } of faults) if (declares !== undefined) gather.declare(declares);
    return records.flatMap((record) => {
      machines.add(record.machine);
      summary.records++;
      return gather.add(record);
    });
  }

  const report = createReports(log, summary);
  const reading = readInput(source, {
    format,
    repeatable,
    onFound: (found) => reportFound(found, log),
  });
  try {
    for await (const { rows, readBytes } of reading) {
      for (const row of rows) {
        const full = take(row);
        if (full.length > 0) await send(full);
      }
      onProgress?.({ readBytes, machines: machines.size });
    }
    await send(gather.takeAll());
  } catch (error) {
    // An aborted stream throws AbortError; the abort signal's own reason says more.
    abort.throwIfAborted();
    throw error;
  } finally {
    clearInterval(timer);
  }
  return summary;
}

/** Where recorded signals come from. `sizeBytes` only for a file that has a size. */
export type Input = { readonly source: Readable; readonly sizeBytes?: number };

/** Opens a file, or standard input for "-". Throws if there is no such file. */
export async function openInput(path: string): Promise<Input> {
  if (path === "-") return { source: process.stdin };
  const file = await open(path);
  const stat = await file.stat();
  const source = createReadStream(path, { fd: file, highWaterMark: 256 * 1024 });
  return stat.isFile() && stat.size > 0 ? { source, sizeBytes: stat.size } : { source };
}
