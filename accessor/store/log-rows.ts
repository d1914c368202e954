// Reads log rows that are not in the history at a watermark, by time: headers in order of their
// first sample, payloads by header.
import { clamp, toArray } from "./binary-arrays.ts";
import { literalOf, toInt4, toInt8 } from "./copy-out.ts";
import type { Database } from "./database.ts";
import { waitingAt } from "./held.ts";
import { passed } from "./watermark.ts";

/** Commits after a watermark, up to and including a revision, and those held before it. */
export type WaitingRange = { watermark: number; through: number };

export type LogHeader = [
  firstUs: number,
  revision: number,
  seriesId: number,
  bytes: number,
  samples: number,
];

export type LogHeaderPage = WaitingRange & {
  seriesIds: readonly number[];
  fromUs: number;
  /** Exclusive. */
  toUs: number;
  /** The last header of the page before; undefined: the first page. */
  after: LogHeader | undefined;
  limit: number;
};

/** In order of (first sample, revision, series). */
export async function readLogHeaders(
  database: Database,
  { seriesIds, watermark, through, fromUs, toUs, after, limit }: LogHeaderPage,
  { abort }: { abort: AbortSignal },
): Promise<LogHeader[]> {
  const { empty, pending, suffix } = await waitingAt(
    database,
    { watermark, through },
    { watermark: "$2::int8", through: "$3::int8" },
    { abort },
  );
  if (empty) return [];
  const [afterUs, afterRevision, afterSeries] = after ?? [Number.MIN_SAFE_INTEGER, 0, 0];
  return (await database.read(
    `select first_us, revision, series_id, pg_column_size(payload), sample_count from ${pending} log
     where series_id = any($1::int4[]) and last_us >= $4::int8 and first_us < $5::int8 and (first_us, revision, series_id) > ($6::int8, $7::int8, $8::int4)
     order by first_us, revision, series_id limit $9::int4`,
    [
      toArray.int4(seriesIds),
      watermark,
      through,
      clamp(fromUs),
      clamp(toUs),
      afterUs,
      afterRevision,
      afterSeries,
      limit,
    ],
    { name: `log_headers${suffix}`, abort },
  )) as LogHeader[];
}

/** Payloads in the order of their headers. Fails with PAGE_TOKEN_EXPIRED if one is gone. */
export async function readLogPayloads(
  database: Database,
  headers: readonly LogHeader[],
  { watermark, through, abort }: WaitingRange & { abort: AbortSignal },
): Promise<Buffer[]> {
  const literals = { watermark: String(watermark), through: String(through) };
  const { pending } = await waitingAt(database, { watermark, through }, literals, { abort });
  const seriesIds = literalOf(headers.map(([, , seriesId]) => seriesId));
  const revisions = literalOf(headers.map(([, revision]) => revision));
  const rows = await database.copyOut(
    `copy (
       select log.series_id, log.revision, payload
       from unnest(${seriesIds}::int4[], ${revisions}::int8[]) as wanted(series_id, revision)
       join ${pending} log on log.series_id = wanted.series_id and log.revision = wanted.revision)
     to stdout (format binary)`,
    { abort },
  );
  if (rows.length < headers.length) throw passed();
  const payloads = new Map(
    rows.map(([seriesId, revision, payload]) => [
      `${toInt4(seriesId)} ${toInt8(revision)}`,
      payload!,
    ]),
  );
  return headers.map(([, revision, seriesId]) => payloads.get(`${seriesId} ${revision}`)!);
}
