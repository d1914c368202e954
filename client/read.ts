import type { Client } from "@connectrpc/connect";
import type { ErrorReport, StateChange } from "#gen/millrace/v1/signal_pb.ts";
import {
  ReadFormat,
  type ReadSignalsResponse,
  type SignalService,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { decodeBlockInto } from "../codec/block/decode.ts";
import { readBlockHeader } from "../codec/block/header.ts";
import type { Column } from "../codec/column.ts";
import { compareText } from "../codec/compare-text.ts";
import { toTimestamp } from "../codec/timestamps.ts";
import { countSamples, unpackInto } from "../codec/wire/samples.ts";

/**
 * Memory for the columns of one slice after another, and of one read after another: for who looks
 * at each slice once. Without, every hour at 100 Hz leaves 6 MB, and V8 collects garbage for as
 * long as it takes to read it.
 */
export class ColumnRoom {
  #column = newColumn(0);

  /** A pair of arrays for at least so many samples. What was in it is gone. */
  take(count: number): Column {
    if (this.#column.values.length < count) this.#column = newColumn(Math.ceil(count * 1.25));
    return this.#column;
  }
}

const newColumn = (count: number): Column => ({
  timesUs: new Float64Array(count),
  values: new Float64Array(count),
});

export type ReadOptions = {
  client: Pick<Client<typeof SignalService>, "readSignals">;
  /** Only these; default all. */
  machines?: readonly string[];
  signals?: readonly string[];
  /**
   * From here on (default: as far back as there are records), up to but without there (default: no
   * end).
   */
  fromUs?: number;
  toUs?: number;
  /** Waits until the answer holds everything up to this cursor, for instance an Ack's. */
  minCursor?: string;
  /**
   * How samples travel: packed as they are stored, a fraction of the bytes (the default), or as
   * plain columns. The yield is the same.
   */
  format?: "blocks" | "columns";
  /**
   * Where columns are to lie: they are then good until the next slice is asked for. Default: they
   * are yours to keep.
   */
  room?: ColumnRoom;
  /** Calls the read off. */
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
 * Yields a range slice by slice, all of one revision; the first comes at once and may be empty.
 * Throws the server's ConnectError, or the abort signal's reason.
 */
export async function* readRange(
  options: ReadOptions,
): AsyncGenerator<RangeSlice, void, undefined> {
  const {
    client,
    machines = [],
    signals = [],
    fromUs,
    toUs,
    minCursor = "",
    format = "blocks",
    room,
  } = options;
  const call = new AbortController();
  const abort = () => call.abort(options.abort.reason);
  options.abort.addEventListener("abort", abort, { once: true });
  if (options.abort.aborted) abort();
  const request = {
    machines: [...machines],
    signals: [...signals],
    minCursor,
    format: format === "blocks" ? ReadFormat.BLOCKS : ReadFormat.COLUMNS,
    ...(fromUs === undefined ? {} : { startTime: toTimestamp(fromUs) }),
    ...(toUs === undefined ? {} : { endTime: toTimestamp(toUs) }),
  };
  try {
    for await (const message of client.readSignals(request, { signal: call.signal }))
      yield toSlice(message, room);
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
    column: join(own.map(({ column }) => column)),
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
  room: ColumnRoom | undefined,
): RangeSlice {
  const parts = [
    ...blocks.map(({ machine, signal, unit, data }) => ({
      ...{ machine, signal, unit, count: readBlockHeader(data).count },
      unpack: (target: Column, offset: number) => void decodeBlockInto(data, target, { offset }),
    })),
    ...batches.flatMap(({ machine, samples }) =>
      samples.map((one) => ({
        ...{ machine, signal: one.signal, unit: one.unit, count: countSamples(one) },
        unpack: (target: Column, offset: number) => unpackInto(one, target, offset),
      })),
    ),
  ];
  // All in one pair of arrays: of many small ones, V8 has more to collect.
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const { timesUs, values } = room?.take(total) ?? newColumn(total);
  let end = 0;
  const columns = parts.map(({ machine, signal, unit, count, unpack }) => {
    const start = end;
    unpack({ timesUs, values }, start);
    end += count;
    return {
      machine,
      signal,
      unit,
      column: { timesUs: timesUs.subarray(start, end), values: values.subarray(start, end) },
    };
  });
  const stateChanges = batches.flatMap(({ machine, stateChanges }) =>
    stateChanges.map((record) => ({ machine, record })),
  );
  const errorReports = batches.flatMap(({ machine, errorReports }) =>
    errorReports.map((record) => ({ machine, record })),
  );
  return { columns, stateChanges, errorReports, cursor };
}

function join(columns: readonly Column[]): Column {
  const length = columns.reduce((sum, { values }) => sum + values.length, 0);
  const joined = { timesUs: new Float64Array(length), values: new Float64Array(length) };
  let at = 0;
  for (const { timesUs, values } of columns) {
    joined.timesUs.set(timesUs, at);
    joined.values.set(values, at);
    at += values.length;
  }
  return joined;
}
