-- Records that come again, of series that are declared to drop duplicates. The accessor looks for
-- equal ones before it commits; here it makes sure that nothing was committed since it looked.

-- Asked in the statement that calls ingest(), and before it. The lock is held until the commit.
create or replace function assert_repeats_known(
  r_series integer[], r_first bigint[], r_last bigint[], r_seen bigint[]
) returns boolean language plpgsql
set enable_sort = off set enable_seqscan = off as $$
declare
  v_head bigint;
begin
  perform lock_revisions();
  select h.revision into v_head from log_head() h;
  if exists (
    select from unnest(r_series, r_first, r_last, r_seen) as r(series, first, last, seen)
    where r.seen < v_head and exists (
      select from log l where l.series_id = r.series and l.revision > r.seen
        and l.last_us >= r.first and l.first_us <= r.last offset 0))
  then
    raise exception using errcode = 'MR003',
      message = 'another accessor has committed records that may be equal to these';
  end if;
  return true;
end $$;
comment on function assert_repeats_known is
  'Locks revisions. Fails with MR003 if, after the revision r_seen, something was committed to a '
  'series between r_first and r_last';
