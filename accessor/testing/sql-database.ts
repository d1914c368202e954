// A migrated database for tests of SQL readers, and rows for it by hand. For tests only.
import pg from "pg";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { encodeBlock } from "../../codec/block/encode.ts";
import type { Column } from "../../codec/column.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { type Summary, summarize } from "../history/summary.ts";

export type SqlFixture = AsyncDisposable & {
  readonly url: string;
  /** Its owner's session: rows as objects, values as PostgreSQL's text. */
  query<Row = Record<string, string | null>>(text: string, values?: unknown[]): Promise<Row[]>;
};

export async function openSqlFixture(): Promise<SqlFixture> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const session = stack.use(await openSession(database.url));
  const owned = stack.move();
  return {
    url: database.url,
    query: session.query,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A session of its own, with the privileges of role. */
export async function openSession(url: string, role?: string): Promise<Omit<SqlFixture, "url">> {
  const client = new pg.Client({
    connectionString: url,
    types: { getTypeParser: () => (text: string) => text } as never,
  });
  await client.connect();
  // As Grafana connects: nothing may depend on the reader's time zone or search_path.
  await client.query("set timezone to 'UTC'");
  if (role !== undefined) await client.query(`set role ${client.escapeIdentifier(role)}`);
  return {
    query: async <Row>(text: string, values: unknown[] = []) =>
      (await client.query(text, values)).rows as Row[],
    [Symbol.asyncDispose]: () => client.end(),
  };
}

type Query = Pick<SqlFixture, "query">;

/** A series by hand, with its machine if needed; returns its id. */
export async function addSeries(
  { query }: Query,
  series: { machine: string; signal: string; kind?: number; unit?: string; maxGapUs?: number },
): Promise<number> {
  const { machine, signal, kind = 3, unit = "W", maxGapUs = 1_000_000 } = series;
  await query("insert into machine (name) values ($1) on conflict do nothing", [machine]);
  const [row] = await query(
    `insert into series (machine_id, signal, kind, unit, max_gap_us) select id, $2, $3, $4, $5 from machine where name = $1 returning id`,
    [machine, signal, kind, kind === 3 ? unit : "", kind === 3 ? maxGapUs : null],
  );
  return Number(row!.id);
}

/** A machine's state changes and its series of states. */
export async function addStates(
  database: Query,
  machine: string,
  changes: readonly { timeUs: number; state: number }[],
): Promise<void> {
  const series = await addSeries(database, { machine, signal: "state", kind: 1 });
  for (const [i, { timeUs, state }] of changes.entries()) {
    // Changes with an odd index share their batch with the one before.
    await database.query(
      `insert into state_change (revision, time_us, machine_id, position, state, reason)
       select $1::bigint, $2, machine_id, $3, $4, 'because ' || $1::bigint from series where id = $5`,
      [1 + (i >> 1), timeUs, i & 1, state, series],
    );
  }
}

/** A row of the log and its receipt. */
export async function addCommit(
  { query }: Query,
  row: { seriesId: number; revision: number; column: Column },
): Promise<void> {
  const { seriesId, revision, column } = row;
  const { timesUs } = column;
  await query(
    "insert into log (revision, first_us, last_us, series_id, sample_count, segment, payload) values ($1, $2, $3, $4, $5, 1, $6)",
    [
      revision,
      timesUs[0],
      timesUs.at(-1),
      seriesId,
      timesUs.length,
      Buffer.from(encodeBlock(column)),
    ],
  );
  await addReceipt({ query }, { revision });
}

/** secondsAgo: the age of its commit. */
export async function addReceipt(
  { query }: Query,
  { revision, secondsAgo = 0 }: { revision: number; secondsAgo?: number },
): Promise<void> {
  await query("insert into producer (name) values ('hand') on conflict do nothing");
  await query(
    `insert into receipt (revision, sequence, committed_at, producer_id, segment, digest)
     select $1, $1, now() - $2 * interval '1 second', id, 1, '' from producer`,
    [revision, secondsAgo],
  );
}

/** A block and its summary, recorded as compaction does; returns its id. */
export async function addBlock(
  { query }: Query,
  block: {
    seriesId: number;
    watermark: number;
    bucketUs: number;
    maxGapUs?: number;
    column: Column;
  },
): Promise<string> {
  const { seriesId, watermark, bucketUs, maxGapUs = 1_000_000, column } = block;
  await query("select make_block_partition($1)", [bucketUs]);
  const [row] = await query(
    `insert into block (valid_from, series_id, bucket_us, ${summaryColumns}, payload, commits)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, '') returning block_id`,
    [
      watermark,
      seriesId,
      bucketUs,
      ...summaryValues(summarize(column, { maxGapUs, sampleType: SampleType.UNSPECIFIED })),
      Buffer.from(encodeBlock(column)),
    ],
  );
  await query(
    "select note_days(array[$1::int4], array[date_trunc('day', from_us($2::int8), 'UTC')])",
    [seriesId, bucketUs],
  );
  return row!.block_id!;
}

export const summaryColumns =
  "count, first_us, last_us, min_us, max_us, covered_us, sum, min, max, first, last, integral";

export function summaryValues(summary: Summary): number[] {
  const { count, firstUs, lastUs, minUs, maxUs, coveredUs, sum, min, max, first, last, integral } =
    summary;
  return [
    count,
    firstUs,
    lastUs,
    minUs,
    maxUs,
    coveredUs,
    sum.high,
    min,
    max,
    first,
    last,
    integral.high,
  ];
}
