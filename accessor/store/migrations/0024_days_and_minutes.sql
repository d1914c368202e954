-- What the summary views look days and minutes up by (0026): a filter on the time of a view can
-- only use an index on a row of its own.

-- As bucketWidthUs() in accessor/history/buckets-of-time.ts.
create function is_kept_by_hour(max_gap bigint) returns boolean language sql immutable parallel safe
  return coalesce(max_gap, 0) > 2000000;

create function floor_to(us bigint, width bigint) returns bigint language sql immutable parallel safe
  return us - mod(mod(us, width) + width, width);

-- UTC days in which a numeric series has samples. A line is at most 24 h long, so every minute that
-- one crosses is of such a day.
create table series_day (
  series_id integer not null,
  time timestamptz not null,
  primary key (series_id, time)
);
-- Series whose days of before are not in it yet: those of a database that is older than the table.
create table series_day_due (series_id integer primary key);
insert into series_day_due select id from series where kind = 3;

-- The minutes of days in which a series that is kept by the hour has samples: a filter on the time
-- of such a minute can only use an index on a row of its own.
create table kept_minute (
  time timestamptz primary key,
  hour_us bigint not null
);
-- Its whole hours.
create index kept_minute_hour on kept_minute (time) where to_us(time) = hour_us;
-- The planner takes minutes of a range to be of as many hours. In truth they come in order of time,
-- and each hour's minutes together: so it is to keep the last hour's answer.
alter table kept_minute alter hour_us set (n_distinct = 1);
-- Which days those are, and whether their minutes are there.
create table kept_minute_day (
  time timestamptz primary key,
  made boolean not null default false
);
create index kept_minute_day_due on kept_minute_day (time) where not made;

-- Makes the minutes of some days that want them, newest first. Answers how many days those were.
create function make_minutes(p_limit integer) returns integer language plpgsql as $$
declare
  v_days timestamptz[] := array(select time from kept_minute_day where not made order by time desc limit p_limit);
begin
  insert into kept_minute (time, hour_us)
    select minute, floor_to(to_us(minute), 3600000000)
    from unnest(v_days) day, generate_series(day, day + interval '1439 minutes', interval '1 minute') minute
    on conflict do nothing;
  update kept_minute_day set made = true where time = any (v_days);
  return cardinality(v_days);
end $$;

-- Days in which samples of numeric series arrived.
create function note_days(d_series integer[], d_time timestamptz[]) returns void language plpgsql as $$
begin
  insert into series_day (series_id, time)
    select d.series_id, d.time from unnest(d_series, d_time) d(series_id, time) order by 1, 2
    on conflict do nothing;
  insert into kept_minute_day (time)
    select distinct d.time from unnest(d_series, d_time) d(series_id, time) join series s on s.id = d.series_id
    where is_kept_by_hour(s.max_gap_us)
    on conflict do nothing;
  -- A new day's minutes come with its first samples; of many days at once, the rest follows.
  perform make_minutes(2);
end $$;

-- As in 0012, with the days.
create or replace function note_touched(t_series integer[], t_minute bigint[], t_revision bigint[]) returns void
language plpgsql as $$
begin
  insert into touched (series_id, width_us, start_us, revision)
    select t.series, w.width, floor_to(t.minute, w.width), max(t.revision)
    from unnest(t_series, t_minute, t_revision) as t(series, minute, revision), unnest(array[60000000, 3600000000, 86400000000]) as w(width)
    group by 1, 2, 3 order by 1, 2, 3
  on conflict (series_id, width_us, start_us) do update set revision = greatest(touched.revision, excluded.revision);
  perform note_days(array_agg(day.series), array_agg(from_us(day.us)))
    from (select distinct t.series, floor_to(t.minute, 86400000000) as us from unnest(t_series, t_minute) t(series, minute)
      join series s on s.id = t.series where s.kind = 3) day;
end $$;

-- Finds the days of some series of before. Answers how many series those were.
create function note_days_before(p_limit integer) returns integer language plpgsql as $$
declare
  v_series integer[] := array(select series_id from series_day_due order by series_id limit p_limit);
begin
  perform note_days(array_agg(day.series), array_agg(from_us(day.us)))
    from (
      select r.series_id as series, floor_to(r.hour_us, 86400000000) as us from rollup_hour r where r.series_id = any (v_series)
      union
      select d.series_id, floor_to(d.hour_us, 86400000000) from rollup_due d where d.series_id = any (v_series)) day;
  delete from series_day_due where series_id = any (v_series);
  return cardinality(v_series);
end $$;

-- What retention has no use for any more, at most p_limit rows; answers how many went.
create function drop_days_before(p_before bigint, p_limit integer) returns integer language sql as $$
  with gone as (
    delete from series_day where (series_id, time) in (
      select series_id, time from series_day where time < from_us(p_before) - interval '1 day' limit p_limit)
    returning 1)
  select count(*)::int4 from gone;
$$;
create function drop_minutes_before(p_before bigint, p_limit integer) returns integer language sql as $$
  delete from kept_minute_day where time < from_us(p_before) - interval '1 day';
  with gone as (
    delete from kept_minute where time in (
      select time from kept_minute where time < from_us(p_before) - interval '1 day' order by time limit p_limit)
    returning 1)
  select count(*)::int4 from gone;
$$;

-- As in 0008, with the tables of days and minutes.
create or replace view millrace_v1.storage as
  select part, bytes, records, bytes / nullif(records, 0)::float8 as bytes_per_record
  from (
    select 'log' as part, (select sum(pg_total_relation_size(relid)) from pg_partition_tree('log'))::bigint as bytes,
      (select sum(l.sample_count) from log l join series s on s.id = l.series_id where s.kind = 3) as records
    union all
    select 'receipts', (select sum(pg_total_relation_size(relid)) from pg_partition_tree('receipt'))::bigint, null::bigint
    union all
    select 'blocks', (select sum(pg_total_relation_size(relid)) from pg_partition_tree('block'))::bigint + pg_total_relation_size('block_end'),
      (select sum(b.count) from block b where not exists (select from block_end e where e.block_id = b.block_id))
    union all
    select 'rollups', (select sum(pg_total_relation_size(t)) from unnest(array['rollup_hour', 'rollup_state', 'rollup_due',
      'rollup_state_due', 'series_day', 'series_day_due', 'kept_minute', 'kept_minute_day']::regclass[]) t)::bigint, null::bigint
    union all
    select 'state_changes', pg_total_relation_size('state_change'), (select count(*) from state_change)
    union all
    select 'error_reports', pg_total_relation_size('error_report'), (select count(*) from error_report)) parts;
