// How the store is doing: the history behind the log, what was stored of late, and sizes on disk.
import type { Database } from "./database.ts";

export type StoreStatus = {
  nowUs: number;
  databaseVersion: string;
  schemaVersion: string;
  machines: number;
  /** When compaction last made a step; undefined: not yet. */
  compactedUs: number | undefined;
  lagCommits: number;
  lagUs: number;
  held: number;
  quarantined: number;
};

export async function readStoreStatus(database: Database): Promise<StoreStatus> {
  const [row] = await database.read(
    `select to_us(clock_timestamp()), current_setting('server_version'),
       (select name from schema_migration order by version desc limit 1),
       (select count(*) from machine), to_us(time), lag_commits, (lag_seconds * 1e6)::bigint, held,
       quarantined, watermark
     from millrace_v1.compaction`,
    [],
    { name: "status" },
  );
  const [nowUs, databaseVersion, schemaVersion, machines, compactedUs, ...rest] = row as [
    number,
    string,
    string,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [lagCommits, lagUs, held, quarantined, watermark] = rest;
  return {
    nowUs,
    databaseVersion,
    schemaVersion,
    machines,
    compactedUs: watermark === 0 ? undefined : compactedUs,
    lagCommits,
    lagUs,
    held,
    quarantined,
  };
}

export type StoredSince = { batches: number; records: number; bytes: number };

/** What was committed after a revision. */
export async function readStoredSince(database: Database, revision: number): Promise<StoredSince> {
  const [row] = await database.read(
    `select count(distinct revision), coalesce(sum(sample_count), 0)::bigint,
       coalesce(sum(length(payload)), 0)::bigint
     from log where revision > $1::int8`,
    [revision],
    { name: "stored_since" },
  );
  const [batches, records, bytes] = row as [number, number, number];
  return { batches, records, bytes };
}

export type StoreSizes = { log: number; history: number; database: number };

/** Bytes on disk with indexes. Looks at every partition, so it is not for every request. */
export async function readStoreSizes(database: Database): Promise<StoreSizes> {
  const [row] = await database.read(
    `select
       (select sum(pg_total_relation_size(relid)) from (
         select relid from pg_partition_tree('log') union all
         select relid from pg_partition_tree('receipt')) parts)::bigint,
       ((select sum(pg_total_relation_size(relid)) from pg_partition_tree('block')) + (
         select sum(pg_total_relation_size(t)) from unnest(array['block_end', 'rollup_hour',
           'rollup_state', 'alive_hour', 'state_change', 'error_report']::regclass[]) t))::bigint,
       pg_database_size(current_database())`,
    [],
    { name: "sizes" },
  );
  const [log, history, whole] = row as [number, number, number];
  return { log, history, database: whole };
}
