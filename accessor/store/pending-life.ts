// Signs of life in the part of the log that is not in the history: of some series, as spans of
// whole minutes.
import { fromBinary } from "@bufbuild/protobuf";
import { BatchSchema, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { decodeBlock } from "../../codec/block/decode.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import { Turns } from "../../runtime/turns.ts";
import { minuteUs } from "../history/buckets-of-time.ts";
import type { Window } from "../history/line-area.ts";
import { spanOfMinutes, spansOfMinutes } from "../history/silence.ts";
import { minuteOf } from "../history/touch-spans.ts";
import { clamp, toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";
import { waitingAt } from "./held.ts";
import type { Series } from "./series.ts";

/** gaps: where to look for signs of life; ascending. */
export type QuietMachine = {
  series: readonly Series[];
  gaps: readonly Window[];
  toleranceUs: number;
};

type Of = { revision: number; watermark: number; abort: AbortSignal };

type Row = [
  place: number,
  firstUs: number,
  lastUs: number,
  seriesId: number | null,
  revision: number | null,
];
type LongRow = { place: number; seriesId: number; revision: number };

const at = { watermark: "$5::int8", through: "$6::int8" };

/** Spans in which each machine was alive, in no order. */
export async function readPendingLife(
  database: Database,
  machines: readonly QuietMachine[],
  { revision, watermark, abort }: Of,
): Promise<Window[][]> {
  const found: Window[][] = machines.map(() => []);
  const { empty, pending, suffix } = await waitingAt(
    database,
    { watermark, through: revision },
    at,
    { abort },
  );
  if (empty) return found;
  const asked = machines.flatMap(({ series, gaps, toleranceUs }, place) =>
    gaps.length === 0
      ? []
      : series.map(({ id }) => ({
          place,
          id,
          toleranceUs,
          fromUs: gaps[0]!.fromUs,
          toUs: gaps.at(-1)!.toUs,
        })),
  );
  if (asked.length === 0) return found;
  // A row that spans no more than the tolerance may count as alive throughout: a hole in it is too
  // short to matter. "+ 0" makes PostgreSQL find the rows after the watermark by revision.
  const rows = (await database.read(
    `select s.place::int8, p.first_us, p.last_us, p.series_id, p.revision
     from unnest($1::int4[], $2::int4[], $3::int8[], $4::int8[], $7::int8[]) as s(place, series_id, from_us, to_us, tolerance_us), lateral (
       select floor_to(first_us, ${minuteUs}) as first_us, floor_to(last_us, ${minuteUs}) as last_us, case when is_long then series_id end as series_id,
         case when is_long then revision end as revision
       from (
         select *, floor_to(last_us, ${minuteUs}) - floor_to(first_us, ${minuteUs}) > s.tolerance_us + ${minuteUs} as is_long from ${pending} log
         where log.series_id = s.series_id and log.last_us + 0 >= s.from_us and log.first_us + 0 < s.to_us) own
       group by 1, 2, 3, 4) p`,
    [
      toArray.int4(asked.map(({ place }) => place)),
      toArray.int4(asked.map(({ id }) => id)),
      toArray.int8(asked.map(({ fromUs }) => clamp(fromUs))),
      toArray.int8(asked.map(({ toUs }) => clamp(toUs))),
      watermark,
      revision,
      toArray.int8(asked.map(({ toleranceUs }) => toleranceUs)),
    ],
    { name: `pending_life${suffix}`, abort },
  )) as Row[];
  const long: LongRow[] = [];
  for (const [place, firstUs, lastUs, seriesId, ofRevision] of rows) {
    const span = spanOfMinutes(firstUs, lastUs);
    if (seriesId === null) found[place]!.push(span);
    else if (
      machines[place]!.gaps.some(({ fromUs, toUs }) => fromUs < span.toUs && span.fromUs < toUs)
    )
      long.push({ place, seriesId, revision: ofRevision! });
  }
  const byId = new Map(machines.flatMap(({ series }) => series.map((one) => [one.id, one])));
  for (let start = 0; start < long.length; start += rowsAtOnce) {
    const some = long.slice(start, start + rowsAtOnce);
    for (const { place, spans } of await readLongRows(database, some, {
      byId,
      revision,
      watermark,
      abort,
    }))
      for (const span of spans) found[place]!.push(span);
  }
  return found;
}

/** A row has at most the bytes of a batch. */
const rowsAtOnce = 8;

async function readLongRows(
  database: Database,
  rows: readonly LongRow[],
  { byId, revision, watermark, abort }: Of & { byId: ReadonlyMap<number, Series> },
): Promise<{ place: number; spans: Window[] }[]> {
  const placeholders = { watermark: "$3::int8", through: "$4::int8" };
  const { pending, suffix } = await waitingAt(
    database,
    { watermark, through: revision },
    placeholders,
    { abort },
  );
  const found = (await database.read(
    `select wanted.n::int8, log.first_us, log.last_us, log.sample_count, log.payload
     from unnest($1::int4[], $2::int8[]) with ordinality as wanted(series_id, revision, n)
     join ${pending} log on log.series_id = wanted.series_id and log.revision = wanted.revision`,
    [
      toArray.int4(rows.map(({ seriesId }) => seriesId)),
      toArray.int8(rows.map((row) => row.revision)),
      watermark,
      revision,
    ],
    { name: `long_rows${suffix}`, abort },
  )) as [n: number, firstUs: number, lastUs: number, samples: number, payload: Buffer][];
  database.spend(found.reduce((sum, [, , , samples]) => sum + samples, 0));
  const turns = new Turns();
  const answers: { place: number; spans: Window[] }[] = [];
  for (const [n, firstUs, lastUs, , payload] of found) {
    const { place, seriesId } = rows[n - 1]!;
    const minutes = new Set<number>();
    try {
      for (const timeUs of timesOf(byId.get(seriesId)!, payload)) minutes.add(minuteOf(timeUs));
    } catch {
      // As compaction records a row that it cannot read.
      for (const timeUs of [firstUs, lastUs]) minutes.add(minuteOf(timeUs));
    }
    answers.push({ place, spans: spansOfMinutes(minutes) });
    await turns.pause();
  }
  return answers;
}

function timesOf({ kind }: Series, payload: Buffer): Iterable<number> {
  if (kind === SignalKind.NUMERIC) return decodeBlock(payload).timesUs;
  const { stateChanges, errorReports } = fromBinary(BatchSchema, payload, {
    readUnknownFields: false,
  });
  return [...stateChanges, ...errorReports].map(({ time }) => toTimeUs(time)!);
}
