// Recorded signals as a source: a file or standard input, line by line into batches. Bad lines are
// reported, the rest goes on.
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import type { Log } from "../runtime/log.ts";
import { createGather } from "./gather.ts";
import { readLines } from "./lines.ts";
import { BadRow, parseRecord } from "./record.ts";
import { createRowReader } from "./row-format.ts";

export type InputOptions = {
  source: Readable;
  log: Log;
  signal: AbortSignal;
  /** Records wait at most about this long for company. */
  intervalMs: number;
  maxGapUs?: number;
  /** Takes a batch; reading goes on when it has. */
  append(batch: Batch): Promise<void>;
  /** So many bytes have been read, and these machines have been seen. */
  onProgress?(progress: { readBytes: number; machines: number }): void;
};

/** What became of an input. */
export type InputSummary = { lines: number; records: number; badLines: number };

const maxLineLength = 64 * 1024;
/** Bad lines that are reported one by one; the others are only counted. */
const maxReports = 100;

/**
 * Sends all records of an input. Rejects when it cannot be read, when `signal` aborts, and with
 * BadHeader.
 */
export async function sendInput(options: InputOptions): Promise<InputSummary> {
  const { log, signal, intervalMs, append, onProgress } = options;
  const source = addAbortSignal(signal, options.source);
  const summary: InputSummary = { lines: 0, records: 0, badLines: 0 };
  const gather = createGather(options.maxGapUs === undefined ? {} : { maxGapUs: options.maxGapUs });
  const readRow = createRowReader();
  const machines = new Set<string>();
  let readBytes = 0;

  // Batches leave one after the other, also those that the timer sends while the next line is being
  // waited for.
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
    // A failure stays in `sending`; stopping the source brings the reading loop to it.
    if (waiting === 0) send(gather.takeAll()).catch((error: Error) => source.destroy(error));
  }, intervalMs);

  function report(line: number, reason: string): void {
    summary.badLines++;
    if (summary.badLines <= maxReports) log.warn(`input line ${line}: ${reason}`);
    if (summary.badLines === maxReports) log.warn("further bad lines are only counted");
  }

  function take(text: string): Batch[] {
    const row = readRow(text);
    if (!row) return [];
    const record = parseRecord(row);
    machines.add(record.machine);
    summary.records++;
    return gather.add(record);
  }

  async function* chunks() {
    for await (const chunk of source) {
      readBytes += chunk.length;
      yield chunk as Uint8Array;
    }
  }

  try {
    for await (const { first, texts } of readLines(chunks(), { maxLength: maxLineLength })) {
      for (const [i, text] of texts.entries()) {
        summary.lines++;
        if (text === undefined) {
          report(first + i, `longer than ${maxLineLength} characters`);
          continue;
        }
        try {
          const full = take(text);
          if (full.length > 0) await send(full);
        } catch (error) {
          if (!(error instanceof BadRow)) throw error;
          report(first + i, error.message);
        }
      }
      onProgress?.({ readBytes, machines: machines.size });
    }
    await send(gather.takeAll());
  } catch (error) {
    // An aborted stream says AbortError; who stopped it, and why, says more.
    signal.throwIfAborted();
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
