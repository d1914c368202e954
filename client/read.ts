// Reads a range of the past: slice by slice, or whole, as one column for each series.
import type { Client } from "@connectrpc/connect";
import type { ErrorReport, StateChange } from "#gen/millrace/v1/signal_pb.ts";
import {
  ReadFormat,
  type ReadSignalsResponse,
  type SignalService,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { decodeBlockInto } from "../codec/block/decode.ts";
import { readBlockHeader } from "../codec/block/header.ts";
import { type Column, concatColumns, newColumn, sliceColumn } from "../codec/column.ts";
import { compareText } from "../codec/compare-text.ts";
import { toTimestamp } from "../codec/timestamps.ts";
import { countSamples, unpackInto } from "../codec/wire/samples.ts";

/**
 * Memory that successive slices, and successive reads, share for their columns: for callers that
 * look at each slice only once. Without it, an hour at 100 Hz leaves 6 MB for the garbage
 * collector, which takes as long as the reading itself.
 */
export class ColumnMemory {
  #column = newColumn(0);

  /** A pair of arrays for at least `count` samples. Their earlier content is lost. */
  take(count: number): Column {
    if (this.#column.values.length < count) this.#column = newColumn(Math.ceil(count * 1.25));
    return this.#column;
  }
}

export type ReadOptions = {
  client: Pick<Client<typeof SignalService>, "readSignals">;
  /** Only these; default all. */
  machines?: readonly string[];
  signals?: readonly string[];
  /** Only machines with these labels, each "key:value", as they are now. */
  labels?: readonly string[];
  /** The range: from `fromUs` (default: the earliest record) to before `toUs` (default: no end). */
  fromUs?: number;
  toUs?: number;
  /** The read waits until its answer covers everything up to this cursor, for instance an Ack's. */
  minCursor?: string;
  /**
   * How samples travel: packed as they are stored, a fraction of the bytes (the default), or as
   * plain columns. Both yield the same slices.
   */
  format?: "blocks" | "columns";
  /**
   * Memory that all slices share: a slice is then valid until you ask for the next one. Default:
   * each slice has its own, which is yours to keep.
   */
  memory?: ColumnMemory;
  /** Ends the read. */
  abort: AbortSignal;
};

/** Samples of one series, ascending by time. */
export type SeriesColumn = { machine: string; signal: string; unit: string; column: Column };

/** A part of the range. Within one series, slices ascend by time. */
export type RangeSlice = {
  columns: SeriesColumn[];
  stateChanges: { machine: string; record: StateChange }[];
  errorReports: { machine: string; record: ErrorReport }[];
  /**
   * What the whole answer is complete through, the same in every slice: watch after it to go on.
   */
  cursor: string;
};

/**
 * Yields a range slice by slice, all of one revision. The first slice arrives at once and may be
 * empty. Throws the server's ConnectError, or the abort signal's reason.
 */
export async function* readRange(
  options: ReadOptions,
): AsyncGenerator<RangeSlice, void, undefined> {
  const {
    client,
    machines = [],
    signals = [],
    labels = [],
    fromUs,
    toUs,
    minCursor = "",
    format = "blocks",
    memory,
  } = options;
  const call = new AbortController();
  const abort = () => call.abort(options.abort.reason);
  options.abort.addEventListener("abort", abort, { once: true });
  if (options.abort.aborted) abort();
  const request = {
    machines: [...machines],
    signals: [...signals],
    labels: [...labels],
    minCursor,
    format: format === "blocks" ? ReadFormat.BLOCKS : ReadFormat.COLUMNS,
    ...(fromUs === undefined ? {} : { startTime: toTimestamp(fromUs) }),
    ...(toUs === undefined ? {} : { endTime: toTimestamp(toUs) }),
  };
  try {
    for await (const message of client.readSignals(request, { signal: call.signal }))
      yield toSlice(message, memory);
  } catch (error) {
    options.abort.throwIfAborted();
    throw error;
  } finally {
    options.abort.removeEventListener("abort", abort);
    // Leaving the loop does not end a Connect call; this does.
    call.abort(new Error("the read is over"));
  }
}

/**
 * A whole range in memory: one column for each series, by machine and signal. For ranges that fit;
 * otherwise use readRange.
 */
export async function readColumns(
  options: ReadOptions,
): Promise<{ series: SeriesColumn[]; cursor: string }> {
  const parts = new Map<string, SeriesColumn[]>();
  let cursor = "";
  for await (const slice of readRange(options)) {
    cursor = slice.cursor;
    for (const part of slice.columns) {
      const key = `${part.machine}\0${part.signal}`;
      const known = parts.get(key);
      if (known === undefined) parts.set(key, [part]);
      else known.push(part);
    }
  }
  const series = [...parts.values()].map((own) => ({
    ...own[0]!,
    column: concatColumns(own.map(({ column }) => column)),
  }));
  return {
    series: series.sort(
      (a, b) => compareText(a.machine, b.machine) || compareText(a.signal, b.signal),
    ),
    cursor,
  };
}

function toSlice(
  { batches, blocks, cursor }: ReadSignalsResponse,
  memory: ColumnMemory | undefined,
): RangeSlice {
  const parts = [
    ...blocks.map(({ machine, signal, unit, data }) => ({
      machine,
      signal,
      unit,
      count: readBlockHeader(data).count,
      unpack: (target: Column, offset: number) => void decodeBlockInto(data, target, { offset }),
    })),
    ...batches.flatMap(({ machine, samples }) =>
      samples.map((one) => ({
        machine,
        signal: one.signal,
        unit: one.unit,
        count: countSamples(one),
        unpack: (target: Column, offset: number) => unpackInto(one, target, offset),
      })),
    ),
  ];
  // All columns share one pair of arrays: many small arrays give V8 more to collect.
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const whole = memory?.take(total) ?? newColumn(total);
  let end = 0;
  const columns = parts.map(({ machine, signal, unit, count, unpack }) => {
    const start = end;
    unpack(whole, start);
    end += count;
    return { machine, signal, unit, column: sliceColumn(whole, start, end) };
  });
  const stateChanges = batches.flatMap(({ machine, stateChanges }) =>
    stateChanges.map((record) => ({ machine, record })),
  );
  const errorReports = batches.flatMap(({ machine, errorReports }) =>
    errorReports.map((record) => ({ machine, record })),
  );
  return { columns, stateChanges, errorReports, cursor };
}
