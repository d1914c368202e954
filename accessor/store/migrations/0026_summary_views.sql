-- Summary views that add up: a line between two samples belongs to the minutes, hours and days that
-- it crosses, cut at their edges, as buckets of AggregateSamples have it. Minutes of signals that
-- are kept by the hour, minutes and hours without a sample, and days. And what power comes to.

-- First the signals that are kept by the minute: the blocks of a minute joined as hour_of_blocks()
-- does, and the lines across its edges. Then those kept by the hour: "distinct on" lets a filter on time
-- through and keeps the order, in which an hour is unpacked once; "offset 0" has the planner know what that
-- costs, and coalesce() keeps the condition from becoming a part of what is looked up.
create or replace view millrace_v1.samples_minute as
  select v.*, kwh_of(v.signal, v.unit, v.integral, v.covered_seconds) as kwh from (
    select m.name as machine, s.signal, s.unit, j.time, j.count, j.min, j.max, mean_of(j.sum, j.count, j.min, j.max) as mean,
      j.first, j.last, j.integral + head.integral + tail.integral as integral,
      (j.covered_us + head.covered_us + tail.covered_us)::float8 / 1e6 as covered_seconds
    from series s
    join machine m on m.id = s.machine_id,
    lateral (
      select p.time, min(p.bucket_us) as bucket_us, min(p.first_us) as first_us, max(p.last_us) as last_us,
        sum(p.count) as count, min(p.min) as min, max(p.max) as max, sum(tame(p.sum)) as sum,
        min(p.first) filter (where p.before_us is null) as first, min(p.last) filter (where p.after_us is null) as last,
        sum(tame(p.integral) + l.integral) as integral, (sum(p.covered_us) + sum(l.covered_us))::bigint as covered_us
      from (
        select b.*, from_us(b.bucket_us) as time,
          lag(b.last_us) over w as before_us, lag(b.last) over w as before, lead(b.first_us) over w as after_us
        from block b
        where b.series_id = s.id and not exists (select from block_end e where e.block_id = b.block_id offset 0)
        window w as (partition by from_us(b.bucket_us) order by b.first_us, b.last_us, b.block_id)) p,
      line_area(p.before_us, p.before, p.first_us, p.first, p.before_us, p.first_us, s.max_gap_us) l
      group by p.time) j,
    lateral (
      -- The neighbours: {first_us, last_us, block_id, value} sorts as blocks do.
      select max(array[b.first_us, b.last_us, b.block_id, b.last]) filter (where b.bucket_us < j.bucket_us) as before,
        min(array[b.first_us, b.last_us, b.block_id, b.first]) filter (where b.bucket_us > j.bucket_us) as after
      from block b
      where b.series_id = s.id and b.bucket_us >= j.bucket_us - 60000000 and b.bucket_us <= j.bucket_us + 60000000
        and not exists (select from block_end e where e.block_id = b.block_id offset 0)) beside,
    line_area(beside.before[2]::bigint, beside.before[4], j.first_us, j.first, j.bucket_us, j.bucket_us + 60000000,
      s.max_gap_us) head,
    line_area(j.last_us, j.last, beside.after[1]::bigint, beside.after[4], j.bucket_us, j.bucket_us + 60000000,
      s.max_gap_us) tail
    where s.kind = 3 and not is_kept_by_hour(s.max_gap_us)
    union all
    select m.name, s.signal, s.unit, j.time, j.count, j.min, j.max, mean_of(j.sum, nullif(j.count, 0), j.min, j.max),
      j.first, j.last, j.integral, j.covered_us::float8 / 1e6
    from series s
    join machine m on m.id = s.machine_id,
    lateral (
      select distinct on (t.time) t.time, h.*
      from kept_minute t
      left join lateral (
        select * from millrace_v1.minutes_of_hour(s.id, t.hour_us, s.max_gap_us) offset 0) h on true
      where coalesce(h.minute = t.time, false)
      order by t.time) j
    where s.kind = 3 and is_kept_by_hour(s.max_gap_us)) v;
comment on view millrace_v1.samples_minute is 'Samples by the minute, of every numeric signal. Without the last minute or so, see compaction';

-- Hours that are rolled up; hours that are due: those that are not, or no longer; hours without a
-- sample that a line crosses, which is longer than an hour then.
create or replace view millrace_v1.samples_hour as
  select v.*, kwh_of(v.signal, v.unit, v.integral, v.covered_seconds) as kwh from (
    select m.name as machine, s.signal, s.unit, from_us(r.hour_us) as time, r.count, r.min, r.max,
      mean_of(tame(r.sum), r.count, r.min, r.max) as mean, r.first, r.last,
      tame(r.integral) + head.integral + tail.integral as integral,
      (r.covered_us + head.covered_us + tail.covered_us)::float8 / 1e6 as covered_seconds
    from rollup_hour r
    join series s on s.id = r.series_id
    join machine m on m.id = s.machine_id,
    lateral (
      select
        case when r.first_us - r.hour_us < s.max_gap_us then coalesce(
          (select array[n.last_us, n.last] from (
            select * from rollup_hour n where n.series_id = r.series_id and n.hour_us = r.hour_us - 3600000000
            order by n.valid_from desc limit 1) n where n.count is not null),
          millrace_v1.sample_before(r.series_id, r.hour_us, s.max_gap_us)) end as before,
        case when r.hour_us + 3600000000 - r.last_us <= s.max_gap_us then coalesce(
          (select array[n.first_us, n.first] from (
            select * from rollup_hour n where n.series_id = r.series_id and n.hour_us = r.hour_us + 3600000000
            order by n.valid_from desc limit 1) n where n.count is not null),
          millrace_v1.sample_after(r.series_id, r.hour_us + 3600000000, s.max_gap_us)) end as after
      offset 0) beside,
    line_area(beside.before[1]::bigint, beside.before[2], r.first_us, r.first, r.hour_us, r.hour_us + 3600000000,
      s.max_gap_us) head,
    line_area(r.last_us, r.last, beside.after[1]::bigint, beside.after[2], r.hour_us, r.hour_us + 3600000000,
      s.max_gap_us) tail
    where r.count is not null
      and not exists (select from rollup_hour n
        where n.series_id = r.series_id and n.hour_us = r.hour_us and n.valid_from > r.valid_from offset 0)
    union all
    select m.name, s.signal, s.unit, from_us(d.hour_us), j.count, j.min, j.max, mean_of(j.sum, j.count, j.min, j.max),
      j.first, j.last, j.integral + e.integral, (j.covered_us + e.covered_us)::float8 / 1e6
    from rollup_due d
    join series s on s.id = d.series_id
    join machine m on m.id = s.machine_id,
    millrace_v1.hour_of_blocks(s.id, d.hour_us, s.max_gap_us) j,
    millrace_v1.lines_across(
      s.id, s.max_gap_us, d.hour_us, d.hour_us + 3600000000, j.first_us, j.first, j.last_us, j.last) e
    where (select r.count from rollup_hour r
      where r.series_id = d.series_id and r.hour_us = d.hour_us order by r.valid_from desc limit 1) is null
    union all
    select m.name, s.signal, s.unit, t.time, 0, null, null, null, null, null, e.integral, e.covered_us::float8 / 1e6
    from series s
    join machine m on m.id = s.machine_id,
    kept_minute t,
    millrace_v1.lines_across(
      s.id, s.max_gap_us, t.hour_us, t.hour_us + 3600000000, null, null, null, null) e
    where s.kind = 3 and s.max_gap_us > 3600000000 and to_us(t.time) = t.hour_us and e.covered_us = 3600000000) v;
comment on view millrace_v1.samples_hour is 'Samples by the hour, of every numeric signal. Without the last minute or so, see compaction';

create view millrace_v1.samples_day as
  select v.*, kwh_of(v.signal, v.unit, v.integral, v.covered_seconds) as kwh from (
    select m.name as machine, s.signal, s.unit, d.time, j.count, j.min, j.max, mean_of(j.sum, j.count, j.min, j.max) as mean,
      j.first, j.last, j.integral, j.covered_us::float8 / 1e6 as covered_seconds
    from series_day d
    join series s on s.id = d.series_id
    join machine m on m.id = s.machine_id,
    millrace_v1.day_of(s.id, to_us(d.time), s.max_gap_us) j) v;
comment on view millrace_v1.samples_day is 'Samples by the day in UTC, of every numeric signal. Without the last minute or so, see compaction';

do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select oid::regprocedure from pg_proc where pronamespace = 'millrace_v1'::regnamespace and prosecdef
  loop
    execute format('revoke execute on function %s from public', v_function);
  end loop;
  if exists (select from pg_roles where rolname = 'millrace_reader') then
    grant select on all tables in schema millrace_v1 to millrace_reader;
    grant execute on all functions in schema millrace_v1 to millrace_reader;
    grant execute on function line_area, mean_of, kwh_of, watts_per, floor_to, is_kept_by_hour to millrace_reader;
  end if;
end $$;
