// Pages of records of one signal, in order of (time, revision, position), as of a revision.

import { create } from "@bufbuild/protobuf";
import {
  ErrorReportSchema,
  type Signal,
  SignalKind,
  SignalSchema,
  StateChangeSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { lowerBound } from "../../codec/lower-bound.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import { clamp } from "../store/binary-arrays.ts";
import {
  type ErrorRow,
  type Place,
  readErrorReports,
  readStateChanges,
  type StateRow,
} from "../store/events.ts";
import type { Series } from "../store/series.ts";
import type { Reads } from "./answer-revision.ts";
import type { Piece } from "./pieces.ts";
import { seriesPieces } from "./series-pieces.ts";
import { type Slice, sweep } from "./sweep.ts";

export type PageQuery = {
  signal: string;
  kind: SignalKind;
  /** Requested series of the signal: those of these machines. */
  series: readonly Series[];
  fromUs: number;
  toUs: number;
  revision: number;
  after: Place | undefined;
  limit: number;
  /** Bound of the page: it ends before the limit where its texts are long. */
  maxBytes: number;
  states: readonly number[];
  severities: readonly number[];
  codePrefix: string;
};

export type Page = { signals: Signal[]; next: Place | undefined };

export async function readPage(reads: Reads, query: PageQuery, abort: AbortSignal): Promise<Page> {
  if (query.series.length === 0) return { signals: [], next: undefined };
  const { rows, more } = await (query.kind === SignalKind.NUMERIC
    ? readSampleRows(reads, query, abort).then((rows) => ({ rows, more: false }))
    : readEventRows(reads, query));
  const signals: Signal[] = [];
  // Of rows with texts, no more were read than fit; of rows of samples, all may have long names.
  let bytes = 0;
  for (const row of rows.slice(0, query.limit)) {
    const record = row.toSignal();
    bytes += rowBytesOf(record.machine) + Buffer.byteLength(record.unit);
    if (bytes > query.maxBytes) break;
    signals.push(record);
  }
  const { timeUs, revision, position } = rows[signals.length - 1]?.place ?? {
    timeUs: 0,
    revision: 0,
    position: 0,
  };
  return {
    signals,
    next: more || rows.length > signals.length ? { timeUs, revision, position } : undefined,
  };
}

/**
 * The most bytes of a row, without its texts, its unit and its machine: signal, time, value, and
 * tags.
 */
const bareRowBytes = 180;

/** The same with its machine. */
export const rowBytesOf = (machine: string): number => bareRowBytes + Buffer.byteLength(machine);

type Row = { place: Place; toSignal: () => Signal };

async function readEventRows(
  { database }: Reads,
  query: PageQuery,
): Promise<{ rows: Row[]; more: boolean }> {
  const range = {
    machineIds: query.series.map(({ machineId }) => machineId),
    fromUs: clamp(query.fromUs),
    toUs: clamp(query.toUs),
    through: query.revision,
    after: query.after,
    limit: query.limit + 1,
    maxBytes: query.maxBytes,
    rowBytes: bareRowBytes,
  };
  if (query.kind === SignalKind.STATE) {
    const { rows, more } = await readStateChanges(database, range, query.states);
    return {
      rows: rows.map((row) => ({ place: toPlace(row), toSignal: () => toStateSignal(row) })),
      more,
    };
  }
  const { rows, more } = await readErrorReports(database, range, query);
  return {
    rows: rows.map((row) => ({ place: toPlace(row), toSignal: () => toErrorSignal(row) })),
    more,
  };
}

function toPlace({ time_us: timeUs, revision, position }: StateRow | ErrorRow): Place {
  return { timeUs, revision, position };
}

async function readSampleRows(reads: Reads, query: PageQuery, abort: AbortSignal): Promise<Row[]> {
  const { limit, after, toUs } = query;
  const fromUs = Math.max(query.fromUs, after?.timeUs ?? Number.NEGATIVE_INFINITY);
  const rows: Row[] = [];
  const sources = await seriesPieces(
    reads,
    { ...query, fromUs },
    { maxSamples: limit + 1, withRevisions: true, abort },
  );
  for await (const slice of sweep(sources, {
    fromUs,
    toUs,
    minSamples: limit + 1,
    budget: reads.database.sampleBudget,
  })) {
    for (const row of toRows(slice, { after, limit: limit + 1 - rows.length })) rows.push(row);
    if (rows.length > limit) break;
  }
  return rows;
}

/**
 * The first rows of a slice after a position. The position counts the samples of one commit at one
 * time, which are all of one series.
 */
function toRows(
  { parts }: Slice,
  { after, limit }: { after: Place | undefined; limit: number },
): Row[] {
  const found: {
    timeUs: number;
    revision: number;
    series: Series;
    value: number;
    order: number;
  }[] = [];
  const throughUs = lastTime([...parts.values()].flat(), { after, limit });
  for (const [series, pieces] of parts) {
    for (const { column, revisions } of pieces) {
      const end = lowerBound(column.timesUs, throughUs + 1);
      for (let i = 0; i < end; i++) {
        found.push({
          timeUs: column.timesUs[i]!,
          revision: revisions![i]!,
          series,
          value: column.values[i]!,
          order: found.length,
        });
      }
    }
  }
  found.sort((a, b) => a.timeUs - b.timeUs || a.revision - b.revision || a.order - b.order);
  let position = 0;
  return found
    .map(({ timeUs, revision, series, value }, i) => {
      const before = found[i - 1];
      position = before?.timeUs === timeUs && before.revision === revision ? position + 1 : 0;
      const { machine, signal, unit } = series;
      return {
        place: { timeUs, revision, position },
        toSignal: () =>
          create(SignalSchema, {
            machine,
            signal,
            unit,
            time: toTimestamp(timeUs),
            record: { case: "value", value },
          }),
      };
    })
    .filter(({ place }) => after === undefined || isAfter(place, after))
    .slice(0, limit);
}

/**
 * A slice may hold far more samples than a page: the least time up to which it has as many as are
 * requested.
 */
function lastTime(
  pieces: readonly Piece[],
  { after, limit }: { after: Place | undefined; limit: number },
): number {
  const countBefore = (timeUs: number) =>
    pieces.reduce((sum, { column }) => sum + lowerBound(column.timesUs, timeUs), 0);
  // All samples at the time of the position may have to be skipped.
  const wanted = limit + (after === undefined ? 0 : countBefore(after.timeUs + 1));
  let low = pieces.reduce(
    (least, { column }) => Math.min(least, column.timesUs[0]!),
    Number.POSITIVE_INFINITY,
  );
  let high = pieces.reduce(
    (most, { column }) => Math.max(most, column.timesUs.at(-1)!),
    Number.NEGATIVE_INFINITY,
  );
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (countBefore(middle + 1) >= wanted) high = middle;
    else low = middle + 1;
  }
  return high;
}

function isAfter(a: Place, b: Place): boolean {
  return (a.timeUs - b.timeUs || a.revision - b.revision || a.position - b.position) > 0;
}

export function toStateSignal({ machine, time_us, state, reason }: StateRow): Signal {
  const record = {
    case: "stateChange" as const,
    value: create(StateChangeSchema, { state, reason }),
  };
  return create(SignalSchema, { machine, signal: "state", time: toTimestamp(time_us), record });
}

export function toErrorSignal({ machine, time_us, severity, code, message }: ErrorRow): Signal {
  const record = {
    case: "errorReport" as const,
    value: create(ErrorReportSchema, { severity, code, message }),
  };
  return create(SignalSchema, { machine, signal: "error", time: toTimestamp(time_us), record });
}
