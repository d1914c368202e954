-- Whether the minutes of a series come from its samples is decided by one function of the whole row,
-- so that whatever decides about it later can be added there; and a series whose max_gap changes gets
-- the minutes that it needs then.

-- As bucketWidthUs() in accessor/history/buckets-of-time.ts.
create function is_kept_by_hour(s series) returns boolean language sql stable parallel safe
  return coalesce(s.max_gap_us, 0) > 2000000;

-- As in 0024.
create or replace function note_days(d_series integer[], d_time timestamptz[]) returns void language plpgsql as $$
begin
  insert into series_day (series_id, time)
    select d.series_id, d.time from unnest(d_series, d_time) d(series_id, time) order by 1, 2
    on conflict do nothing;
  insert into kept_minute_day (time)
    select distinct d.time from unnest(d_series, d_time) d(series_id, time) join series s on s.id = d.series_id
    where is_kept_by_hour(s)
    on conflict do nothing;
  -- A new day's minutes come with its first samples; of many days at once, the rest follows.
  perform make_minutes(2);
end $$;

-- Tidying looks at all of its days once more.
create function note_changed_gap() returns trigger language plpgsql as $$
begin
  insert into series_day_due (series_id) values (new.id) on conflict do nothing;
  return null;
end $$;
create trigger series_gap_changed after update of max_gap_us on series
  for each row when (old.max_gap_us is distinct from new.max_gap_us) execute function note_changed_gap();

-- As in 0026.
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
    where s.kind = 3 and not is_kept_by_hour(s)
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
    where s.kind = 3 and is_kept_by_hour(s)) v;

do $$
begin
  if exists (select from pg_roles where rolname = 'millrace_reader') then
    grant execute on function is_kept_by_hour(series) to millrace_reader;
  end if;
end $$;
drop function is_kept_by_hour(bigint);
