// What a step of compaction takes out of the log: whole commits after the watermark, decoded, by series and bucket.
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { decodeBlock } from "../../block/decode.ts";
import type { Column } from "../../samples/column.ts";
import { bucketWidthUs, floorTo } from "../history/buckets-of-time.ts";
import type { TrackedColumn } from "../read/merge.ts";
import { lowerBound } from "../read/sweep.ts";
import type { Catalog, Series } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { readHead } from "../store/log.ts";

/** New samples of one bucket, in order of commit. */
export type Arrivals = { series: Series; bucketUs: number; columns: TrackedColumn[] };

/** State changes of a machine that arrived: from the first to the last of their times. */
export type StateArrival = { machineId: number; firstUs: number; lastUs: number };

export type Unreadable = { revision: number; seriesId: number; reason: string };

export type Gathered = {
  /** The new watermark: everything up to it is in here. */
  through: number;
  /** Whether more was committed by then than a step takes. */
  more: boolean;
  arrivals: Arrivals[];
  stateArrivals: StateArrival[];
  unreadable: Unreadable[];
  sampleCount: number;
};

export type GatherLimits = { maxRows: number; maxPayloadBytes: number };

type Row = [revision: number, seriesId: number, firstUs: number, lastUs: number, payload: Buffer];

/** Undefined if nothing was committed after the watermark. */
export async function gather(
  database: Database,
  after: number,
  { catalog, maxRows, maxPayloadBytes }: GatherLimits & { catalog: Catalog },
): Promise<Gathered | undefined> {
  const head = await readHead(database);
  if (head.revision === after) return undefined;
  const rows = (await database.read(
    `select revision, series_id, first_us, last_us, payload from (
       select *, sum(pg_column_size(payload)) over (order by revision, series_id) - pg_column_size(payload) as bytes_before from (
         select revision, series_id, first_us, last_us, payload from log where revision > $1::int8 and revision <= $2::int8
         order by revision, series_id limit $3::int4) page) sized
     where bytes_before < $4::int8 order by revision, series_id`,
    [after, head.revision, maxRows, maxPayloadBytes],
    { name: "gather" },
  )) as Row[];
  // pg_column_size of an inline value counts its header too, so this never takes a cut page for a whole one.
  const bytes = rows.reduce((sum, [, , , , payload]) => sum + payload.byteLength + 4, 0);
  const complete = rows.length < maxRows && bytes < maxPayloadBytes;
  const through = complete ? head.revision : await lastWhole(database, rows);
  const gathered: Gathered = {
    through,
    more: !complete,
    arrivals: [],
    stateArrivals: [],
    unreadable: [],
    sampleCount: 0,
  };
  const buckets = new Map<string, Arrivals>();
  for (const row of rows) if (row[0] <= through) await take(row, { gathered, buckets, catalog });
  gathered.arrivals = [...buckets.values()];
  return gathered;
}

/** The last row of a cut page may not be the last of its commit. A commit that fills a page alone was read whole or is read again alone. */
async function lastWhole(database: Database, rows: readonly Row[]): Promise<number> {
  const last = rows.at(-1)![0];
  if (rows[0]![0] < last) return last - 1;
  const [row] = await database.read("select count(*)::int4 from log where revision = $1::int8", [last], {
    name: "commit_rows",
  });
  if ((row as [number])[0] === rows.length) return last;
  throw new Error(`commit ${last} is larger than a step of compaction takes`);
}

async function take(
  [revision, seriesId, firstUs, lastUs, payload]: Row,
  { gathered, buckets, catalog }: { gathered: Gathered; buckets: Map<string, Arrivals>; catalog: Catalog },
): Promise<void> {
  const series = await catalog.get(seriesId);
  if (series.kind === SignalKind.STATE) gathered.stateArrivals.push({ machineId: series.machineId, firstUs, lastUs });
  if (series.kind !== SignalKind.NUMERIC) return;
  let column: Column;
  try {
    column = decodeBlock(payload);
  } catch (error) {
    gathered.unreadable.push({ revision, seriesId, reason: error instanceof Error ? error.message : String(error) });
    return;
  }
  const { timesUs, values } = column;
  const width = bucketWidthUs(series);
  for (let start = 0; start < timesUs.length; ) {
    const bucketUs = floorTo(timesUs[start]!, width);
    const end = timesUs.at(-1)! < bucketUs + width ? timesUs.length : lowerBound(timesUs, bucketUs + width);
    const key = `${seriesId}:${bucketUs}`;
    const arrivals = buckets.get(key) ?? { series, bucketUs, columns: [] };
    buckets.set(key, arrivals);
    const revisions = new Float64Array(end - start).fill(revision);
    arrivals.columns.push({ timesUs: timesUs.subarray(start, end), values: values.subarray(start, end), revisions });
    start = end;
  }
  gathered.sampleCount += timesUs.length;
}
