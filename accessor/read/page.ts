// Pages of records of one signal, in order of (time, revision, position), as of a revision.
import { create } from "@bufbuild/protobuf";
import {
  ErrorReportSchema,
  type Signal,
  SignalKind,
  SignalSchema,
  StateChangeSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import type { Series } from "../store/catalog.ts";
import { type ErrorRow, type Place, readErrorReports, readStateChanges, type StateRow } from "../store/events.ts";
import type { Reads } from "./as-of.ts";
import { clamp } from "./log-pieces.ts";
import { seriesPieces } from "./series-pieces.ts";
import { type Slice, sweep } from "./sweep.ts";

export type PageQuery = {
  signal: string;
  kind: SignalKind;
  /** Series of the signal that are asked for: of these machines. */
  series: readonly Series[];
  fromUs: number;
  toUs: number;
  revision: number;
  after: Place | undefined;
  limit: number;
  states: readonly number[];
  severities: readonly number[];
  codePrefix: string;
};

export type Page = { signals: Signal[]; next: Place | undefined };

export async function readPage(reads: Reads, query: PageQuery, signal: AbortSignal): Promise<Page> {
  if (query.series.length === 0) return { signals: [], next: undefined };
  const rows = await (query.kind === SignalKind.NUMERIC
    ? readSampleRows(reads, query, signal)
    : readEventRows(reads, query));
  const page = rows.slice(0, query.limit);
  const { timeUs, revision, position } = page.at(-1)?.place ?? { timeUs: 0, revision: 0, position: 0 };
  return {
    signals: page.map((row) => row.toSignal()),
    next: rows.length > query.limit ? { timeUs, revision, position } : undefined,
  };
}

type Row = { place: Place; toSignal: () => Signal };

async function readEventRows({ database }: Reads, query: PageQuery): Promise<Row[]> {
  const range = {
    machineIds: query.series.map(({ machineId }) => machineId),
    fromUs: clamp(query.fromUs),
    toUs: clamp(query.toUs),
    through: query.revision,
    after: query.after,
    limit: query.limit + 1,
  };
  if (query.kind === SignalKind.STATE) {
    const rows = await readStateChanges(database, range, query.states);
    return rows.map((row) => ({ place: toPlace(row), toSignal: () => toStateSignal(row) }));
  }
  const rows = await readErrorReports(database, range, query);
  return rows.map((row) => ({ place: toPlace(row), toSignal: () => toErrorSignal(row) }));
}

function toPlace({ time_us: timeUs, revision, position }: StateRow | ErrorRow): Place {
  return { timeUs, revision, position };
}

async function readSampleRows(reads: Reads, query: PageQuery, signal: AbortSignal): Promise<Row[]> {
  const { limit, after, toUs } = query;
  const fromUs = Math.max(query.fromUs, after?.timeUs ?? Number.NEGATIVE_INFINITY);
  const rows: Row[] = [];
  const sources = await seriesPieces(
    reads,
    { ...query, fromUs },
    { maxSamples: limit + 1, withRevisions: true, signal },
  );
  for await (const slice of sweep(sources, { fromUs, toUs, minSamples: limit + 1 })) {
    rows.push(...toRows(slice).filter(({ place }) => after === undefined || isAfter(place, after)));
    if (rows.length > limit) break;
  }
  return rows;
}

/** Position counts the samples of one commit at one time: all are of one series. */
function toRows({ parts }: Slice): Row[] {
  const found: { timeUs: number; revision: number; series: Series; value: number; order: number }[] = [];
  for (const [series, pieces] of parts) {
    for (const { column, revisions } of pieces) {
      for (let i = 0; i < column.values.length; i++) {
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
  return found.map(({ timeUs, revision, series, value }, i) => {
    const before = found[i - 1];
    position = before?.timeUs === timeUs && before.revision === revision ? position + 1 : 0;
    const { machine, signal } = series;
    return {
      place: { timeUs, revision, position },
      toSignal: () =>
        create(SignalSchema, { machine, signal, time: toTimestamp(timeUs), record: { case: "value", value } }),
    };
  });
}

function isAfter(a: Place, b: Place): boolean {
  return (a.timeUs - b.timeUs || a.revision - b.revision || a.position - b.position) > 0;
}

export function toStateSignal({ machine, time_us, state, reason }: StateRow): Signal {
  const record = { case: "stateChange" as const, value: create(StateChangeSchema, { state, reason }) };
  return create(SignalSchema, { machine, signal: "state", time: toTimestamp(time_us), record });
}

export function toErrorSignal({ machine, time_us, severity, code, message }: ErrorRow): Signal {
  const record = { case: "errorReport" as const, value: create(ErrorReportSchema, { severity, code, message }) };
  return create(SignalSchema, { machine, signal: "error", time: toTimestamp(time_us), record });
}

export function toTimestamp(timeUs: number) {
  const seconds = Math.floor(timeUs / 1e6);
  return {
    $typeName: "google.protobuf.Timestamp" as const,
    seconds: BigInt(seconds),
    nanos: Math.round((timeUs - seconds * 1e6) * 1000),
  };
}
