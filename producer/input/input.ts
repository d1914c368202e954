// Recorded signals as a source: a file or standard input, row by row into batches. Bad lines are
// reported, and the rest is sent.
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { createGather } from "../../codec/row/gather.ts";
import { readRecord } from "../../codec/row/record.ts";
import {
  notAnObject,
  type Row,
  type RowDefaults,
  RowFault,
  type RowRecord,
} from "../../codec/row/row-record.ts";
import { readRows, type SourceRow } from "../../codec/row/source-rows.ts";
import type { EpochUnit } from "../../codec/row/time.ts";
import { UnreadableText } from "../../codec/row/unreadable.ts";
import type { Log } from "../../runtime/log.ts";

export type InputOptions = {
  source: Readable;
  log: Log;
  abort: AbortSignal;
  /** Records wait at most about this long for others to share their batch. */
  batchIntervalMs: number;
  /** Applies to rows that do not have their own value. */
  defaults?: RowDefaults;
  /**
   * Whether the same source must make the same batches each time: then records wait for the next
   * ones as long as needed, and times must not be relative to now. Default false.
   */
  repeatable?: boolean;
  /** The unit of times that are numbers. */
  epoch?: EpochUnit | undefined;
  /** Takes a batch; reading continues when the promise resolves. */
  append(batch: Batch): Promise<void>;
  /** Called with the number of bytes read and of machines seen so far. */
  onProgress?(progress: { readBytes: number; machines: number }): void;
};

/** The result of an input: lines that stand for rows, each of which is a record or bad. */
export type InputSummary = { lines: number; records: number; badLines: number };

/** Bad lines that are reported one by one; the others are only counted. */
const maxReports = 100;

/**
 * Sends all records of an input. Rejects when it cannot be read, when `abort` aborts, and with
 * BadText for an input that is not made of rows.
 */
export async function sendInput(options: InputOptions): Promise<InputSummary> {
  const {
    log,
    abort,
    batchIntervalMs,
    defaults,
    repeatable = false,
    epoch,
    append,
    onProgress,
  } = options;
  const source = addAbortSignal(abort, options.source);
  const summary: InputSummary = { lines: 0, records: 0, badLines: 0 };
  const gather = createGather();
  const machines = new Set<string>();
  let readBytes = 0;

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

  function report({ line, lines }: SourceRow, reason: string): void {
    const before = summary.badLines;
    summary.badLines += lines;
    if (before >= maxReports) return;
    log.warn(`input line ${line}${lines > 1 ? ` to ${line + lines - 1}` : ""}: ${reason}`);
    if (summary.badLines >= maxReports) log.warn("further bad lines are only counted");
  }

  function take(read: SourceRow): Batch[] {
    summary.lines += read.lines;
    const record = recordOf(read.row);
    if (record instanceof RowFault) {
      report(read, record.message);
      if (record.declares !== undefined) gather.declare(record.declares);
      return [];
    }
    machines.add(record.machine);
    summary.records++;
    return gather.add(record);
  }

  function recordOf(row: unknown): RowRecord | RowFault {
    if (row instanceof UnreadableText)
      return new RowFault({ reason: "REQUEST_INVALID", message: row.message });
    if (typeof row !== "object" || row === null || Array.isArray(row)) return notAnObject;
    const nowUs = repeatable ? undefined : BigInt(Date.now()) * 1_000n;
    return readRecord(row as Row, { nowUs, epoch, ...defaults });
  }

  async function* chunks() {
    for await (const chunk of source) {
      readBytes += chunk.length;
      yield chunk as Uint8Array;
    }
  }

  try {
    for await (const rows of readRows(chunks(), { signal: defaults?.signal })) {
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
