-- How the store itself is doing.

create or replace view millrace_v1.storage as
  select part, bytes, records, bytes / nullif(records, 0)::float8 as bytes_per_record
  from (
    select 'log' as part,
      (select sum(pg_total_relation_size(relid)) from pg_partition_tree('log'))::bigint as bytes,
      (select sum(l.sample_count) from log l join series s on s.id = l.series_id
        where s.kind = kind_numeric()) as records
    union all
    select 'receipts',
      (select sum(pg_total_relation_size(relid)) from pg_partition_tree('receipt'))::bigint,
      null::bigint
    union all
    select 'blocks',
      (select sum(pg_total_relation_size(relid)) from pg_partition_tree('block'))::bigint
        + pg_total_relation_size('block_end'),
      (select sum(b.count) from block b
        where not exists (select from block_end e where e.block_id = b.block_id))
    union all
    select 'rollups',
      (select sum(pg_total_relation_size(t)) from unnest(array['rollup_hour', 'rollup_state',
        'rollup_due', 'rollup_state_due', 'series_day', 'series_day_due', 'kept_minute',
        'kept_minute_day', 'alive_hour', 'alive_due', 'clock_hour', 'kept_hour']::regclass[]) t
      )::bigint,
      null::bigint
    union all
    select 'state_changes', pg_total_relation_size('state_change'),
      (select count(*) from state_change)
    union all
    select 'error_reports', pg_total_relation_size('error_report'),
      (select count(*) from error_report)) parts;
comment on view millrace_v1.storage is
  'Bytes on disk with indexes, superseded blocks included, over the records that are current';

-- An hour of a machine is over when a newer record was committed: it waits for nothing else. A
-- hundred thousand take some 20 ms to count.
create or replace view millrace_v1.compaction as
  select w.compacted_at as time, w.revision as watermark, head.revision as head,
    head.revision - w.revision as lag_commits,
    greatest(coalesce(extract(epoch from now() - (
      select r.committed_at from receipt r where r.revision > w.revision
        order by r.revision limit 1)), 0), 0)::float8 as lag_seconds,
    (select count(*) from quarantine) as quarantined,
    (select count(*) from held_commit where released_at is null) as held,
    (select count(*) from (
      select from (
        select d.hour_us from rollup_due d where d.hour_us <= to_us(now()) - us_per_hour()
        union all
        select d.hour_us from rollup_state_due d
        where d.hour_us <= (select least(to_us(now()),
          millrace_v1.history_end())) - us_per_hour()) due
      limit 100000) counted) as hours_due
  from (select * from watermark order by revision desc limit 1) w,
    (select coalesce((select max(revision) from receipt), max(first_revision) - 1) as revision
      from log_segment) head;
comment on view millrace_v1.compaction is
  'How far the history is behind the log. time: of the last step; lag_seconds: age of the '
  'oldest commit that is only in the log; hours_due: hours of signals and machines that are '
  'over and not rolled up, 100,000 at most';
