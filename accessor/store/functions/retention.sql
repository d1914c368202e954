-- What goes: superseded versions, and what is older than retention.

create or replace function note_removal(p_before bigint) returns void language sql as $$
  update removal set count = count + 1, before_us = greatest(before_us, p_before);
$$;
comment on function note_removal is 'Counts a removal of what is older than p_before, for caches';

create or replace function drop_touched_before(p_before bigint, p_limit integer) returns integer
language sql as $$
  with gone as (
    delete from touched where (series_id, width_us, start_us) in (
      select series_id, width_us, start_us from touched
        where start_us + width_us < p_before limit p_limit)
    returning 1)
  select count(*)::int4 from gone;
$$;
comment on function drop_touched_before is
  'Drops p_limit rows of touched at most that are over before p_before. Returns how many';

create or replace function drop_superseded(
  p_age_ms bigint, p_limit integer default 2147483647, out passed bigint, out blocks integer
) language plpgsql as $$
declare
  v_ended record;
  v_rolled_up bigint;
begin
  select coalesce(max(revision), 0) into passed from watermark
    where compacted_at < clock_timestamp() - p_age_ms * interval '1 millisecond';
  delete from watermark where revision < passed;

  blocks := 0;
  for v_ended in
    select week, array_agg(block_id) as ids from (
      select block_id, floor(bucket_us::numeric / us_per_week())::bigint * us_per_week() as week
      from block_end where ended_at <= passed order by ended_at limit p_limit) ended
    group by week order by week limit 64
  loop
    execute format('delete from block b using block_end e
      where e.block_id = any($1) and b.series_id = e.series_id and b.bucket_us = e.bucket_us
        and b.block_id = e.block_id and b.bucket_us >= %s and b.bucket_us < %s',
      v_ended.week, v_ended.week + us_per_week()) using v_ended.ids;
    delete from block_end where block_id = any(v_ended.ids);
    blocks := blocks + cardinality(v_ended.ids);
  end loop;

  select rollups_through into strict v_rolled_up from tidied for update;
  delete from rollup_hour r using rollup_hour n
    where n.valid_from > v_rolled_up and n.valid_from <= passed
      and r.series_id = n.series_id and r.hour_us = n.hour_us and r.valid_from < n.valid_from;
  delete from rollup_state r using rollup_state n
    where n.valid_from > v_rolled_up and n.valid_from <= passed
      and r.machine_id = n.machine_id and r.width_us = n.width_us and r.start_us = n.start_us
        and r.valid_from < n.valid_from;
  delete from alive_hour a using alive_hour n
    where n.valid_from > v_rolled_up and n.valid_from <= passed
      and a.machine_id = n.machine_id and a.hour_us = n.hour_us and a.valid_from < n.valid_from;
  update tidied set rollups_through = passed where rollups_through < passed;
end $$;
comment on function drop_superseded is
  'Drops watermarks older than p_age_ms, blocks that ended before the oldest one left, and '
  'versions of roll-ups likewise';

create or replace function drop_blocks_before(
  p_series integer, p_before bigint, p_limit integer
) returns integer language plpgsql as $$
declare
  v_old bigint[];
  v_buckets bigint[];
begin
  select array_agg(block_id), array_agg(bucket_us) into v_old, v_buckets
    from (select block_id, bucket_us from block where series_id = p_series and bucket_us < p_before
      order by bucket_us limit p_limit) old;
  delete from block b using unnest(v_old, v_buckets) as old(block_id, bucket_us)
    where b.series_id = p_series and b.bucket_us = old.bucket_us and b.block_id = old.block_id;
  return coalesce(cardinality(v_old), 0);
end $$;
comment on function drop_blocks_before is
  'Drops p_limit blocks of a series at most that are older than p_before. Returns how many';

create or replace function drop_blocks_between(
  p_series integer[], p_from bigint, p_to bigint, p_limit integer
) returns integer language plpgsql as $$
declare
  v_dropped integer;
begin
  execute format('with old as (
      select block_id, series_id, bucket_us from block
      where bucket_us >= %1$s and bucket_us < %2$s and ($1 is null or series_id = any($1)) limit $2)
    delete from block b using old
    where b.series_id = old.series_id and b.bucket_us = old.bucket_us and b.block_id = old.block_id
      and b.bucket_us >= %1$s and b.bucket_us < %2$s', p_from, p_to) using p_series, p_limit;
  get diagnostics v_dropped = row_count;
  return v_dropped;
end $$;
comment on function drop_blocks_between is
  'Drops p_limit blocks at most of some series, or of all (null), in the range of one '
  'partition. Returns how many';

create or replace function drop_states_before(p_before bigint, p_limit integer) returns integer
language plpgsql as $$
declare
  v_old tid[];
begin
  v_old := array(
    select s.ctid from state_change s
    where s.time_us < p_before
      and exists (select from state_change n
        where n.machine_id = s.machine_id and n.time_us <= p_before
          and (n.time_us, n.revision, n.position) > (s.time_us, s.revision, s.position))
    order by s.time_us limit p_limit);
  delete from state_change where ctid = any(v_old);
  return cardinality(v_old);
end $$;
comment on function drop_states_before is
  'Drops p_limit state changes at most that are older than p_before. Keeps the state that held '
  'then. Returns how many';

create or replace function drop_errors_before(p_before bigint, p_limit integer) returns integer
language plpgsql as $$
declare
  v_old tid[];
begin
  v_old := array(
    select ctid from error_report where time_us < p_before order by time_us limit p_limit);
  delete from error_report where ctid = any(v_old);
  return cardinality(v_old);
end $$;
comment on function drop_errors_before is
  'Drops p_limit error reports at most that are older than p_before. Returns how many';

-- By series and machine, as their indexes are.
create or replace function drop_rollups_before(p_before bigint, p_limit integer) returns integer
language plpgsql as $$
declare
  v_id integer;
  v_width bigint;
  v_dropped integer := 0;
  v_rows integer;
begin
  for v_id in select id from series where kind = kind_numeric() loop
    delete from rollup_hour r using (
        select hour_us, valid_from from rollup_hour where series_id = v_id and hour_us < p_before
        order by hour_us limit p_limit - v_dropped) old
      where r.series_id = v_id and r.hour_us = old.hour_us and r.valid_from = old.valid_from;
    get diagnostics v_rows = row_count;
    v_dropped := v_dropped + v_rows;
  end loop;
  for v_id, v_width in
    select id, width from machine, unnest(array[us_per_minute(), us_per_hour()]) as w(width)
  loop
    delete from rollup_state r using (
        select start_us, valid_from from rollup_state where machine_id = v_id and width_us = v_width
          and start_us < p_before
        order by start_us limit p_limit - v_dropped) old
      where r.machine_id = v_id and r.width_us = v_width and r.start_us = old.start_us
        and r.valid_from = old.valid_from;
    get diagnostics v_rows = row_count;
    v_dropped := v_dropped + v_rows;
  end loop;
  return v_dropped;
end $$;
comment on function drop_rollups_before is
  'Drops p_limit roll-ups at most that are older than p_before. Returns how many';
