-- How much of the history waits to be rolled up: a column of the view compaction.

-- As in 0016, with hours that are over and due. A hundred thousand take some 20 ms to count.
create or replace view millrace_v1.compaction as
  select w.compacted_at as time, w.revision as watermark, head.revision as head, head.revision - w.revision as lag_commits,
    greatest(coalesce(extract(epoch from now() - (
      select r.committed_at from receipt r where r.revision > w.revision order by r.revision limit 1)), 0), 0)::float8 as lag_seconds,
    (select count(*) from quarantine) as quarantined,
    (select count(*) from held_commit where released_at is null) as held,
    (select count(*) from (
      select from (
        select d.hour_us from rollup_due d where d.hour_us <= to_us(now()) - 3600000000
        union all
        select d.hour_us from rollup_state_due d where d.hour_us <= to_us(now()) - 3600000000) due
      limit 100000) counted) as hours_due
  from (select * from watermark order by revision desc limit 1) w,
    (select coalesce((select max(revision) from receipt), max(first_revision) - 1) as revision from log_segment) head;
comment on view millrace_v1.compaction is
  'How far the history is behind the log. time: of the last step; lag_seconds: age of the oldest commit that is only in the log; '
  'hours_due: hours of signals and machines that are over and not rolled up, 100,000 at most';
