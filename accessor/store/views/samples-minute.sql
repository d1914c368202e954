-- Samples by the minute.

-- Sums of an earlier declaration (stale_through) belong to nobody: they are null until they are
-- recalculated. What comes from samples is right.
create or replace view millrace_v1.samples_minute as
  select v.machine, v.signal, v.unit, v.time, v.count, v.min, v.max, v.mean, v.first, v.last,
    case when v.type <> sample_type_counter() then v.area end as integral, v.covered_seconds,
    case when v.type <> sample_type_counter()
      then kwh_of(v.signal, v.unit, v.area, v.covered_seconds) end as kwh,
    case when v.type = sample_type_counter() and v.covered_seconds > 0 then v.area end as increase,
    case when v.type = sample_type_counter() and v.covered_seconds > 0
      then tame(v.area) / v.covered_seconds end as rate,
    sample_type_name(v.type) as sample_type
  from (
    select m.name as machine, s.signal, s.unit,
      coalesce(s.sample_type, sample_type_linear()) as type, j.time, j.count, j.min, j.max,
      mean_of(j.sum, j.count, j.min, j.max) as mean, j.first, j.last,
      case when s.stale_through is null then j.integral + head.integral + tail.integral end as area,
      case when s.stale_through is null
        then (j.covered_us + head.covered_us + tail.covered_us)::float8 / 1e6 end as covered_seconds
    from series s
    join machine m on m.id = s.machine_id,
    lateral (
      select p.time, min(p.bucket_us) as bucket_us, min(p.first_us) as first_us,
        max(p.last_us) as last_us,
        sum(p.count) as count, min(p.min) as min, max(p.max) as max, sum(tame(p.sum)) as sum,
        min(p.first) filter (where p.before_us is null) as first,
          min(p.last) filter (where p.after_us is null) as last,
        sum(tame(p.integral) + l.integral) as integral,
          (sum(p.covered_us) + sum(l.covered_us))::bigint as covered_us
      from (
        select b.*, from_us(b.bucket_us) as time,
          lag(b.last_us) over w as before_us, lag(b.last) over w as before,
            lead(b.first_us) over w as after_us
        from block b
        where b.series_id = s.id
          and not exists (select from block_end e where e.block_id = b.block_id offset 0)
        window w as (partition by from_us(b.bucket_us) order by b.first_us, b.last_us,
          b.block_id)) p,
      line_area(p.before_us, p.before, p.first_us, p.first, p.before_us, p.first_us, s.max_gap_us,
        s.sample_type) l
      group by p.time) j,
    lateral (
      -- The neighbours: {first_us, last_us, block_id, value} sorts as blocks do.
      select
        max(array[b.first_us, b.last_us, b.block_id, b.last])
          filter (where b.bucket_us < j.bucket_us) as before,
        min(array[b.first_us, b.last_us, b.block_id, b.first])
          filter (where b.bucket_us > j.bucket_us) as after,
        case when s.sample_type = sample_type_step()
          then (select millrace_v1.history_end()) end as end_us
      from block b
      where b.series_id = s.id and b.bucket_us >= j.bucket_us - us_per_minute()
        and b.bucket_us <= j.bucket_us + us_per_minute()
        and not exists (select from block_end e where e.block_id = b.block_id offset 0)) beside,
    line_area(beside.before[2]::bigint, beside.before[4], j.first_us, j.first, j.bucket_us,
      j.bucket_us + us_per_minute(), s.max_gap_us, s.sample_type) head,
    line_area(j.last_us, j.last, coalesce(beside.after[1]::bigint, beside.end_us), beside.after[4],
      j.bucket_us, j.bucket_us + us_per_minute(), s.max_gap_us, s.sample_type) tail
    where s.kind = kind_numeric() and not is_kept_by_hour(s)
    union all
    select m.name, s.signal, s.unit, coalesce(s.sample_type, sample_type_linear()), j.time, j.count,
      j.min, j.max, mean_of(j.sum, nullif(j.count, 0), j.min, j.max), j.first, j.last, j.integral,
      j.covered_us::float8 / 1e6
    from series s
    join machine m on m.id = s.machine_id,
    lateral (
      select distinct on (t.time) t.time, h.*
      from kept_minute t
      left join lateral (
        select * from millrace_v1.minutes_of_hour(
          s.id, t.hour_us, s.max_gap_us, s.sample_type, is_kept_by_hour(s)) offset 0) h on true
      where coalesce(h.minute = t.time, false)
      order by t.time) j
    where s.kind = kind_numeric() and (is_kept_by_hour(s) or s.sample_type = sample_type_step())) v;
comment on view millrace_v1.samples_minute is
  'Samples by the minute, of every numeric signal. Without the last minute or so, see '
  'compaction';
