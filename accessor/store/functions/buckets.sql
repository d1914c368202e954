-- Summaries of one hour, its minutes, and one day, from blocks. These run as their owner, so that
-- readers need no right to the tables.

create or replace function millrace_v1.hour_of_blocks(
  p_series integer, p_hour bigint, max_gap bigint, sample_type smallint
) returns table (
  count bigint, first_us bigint, last_us bigint, covered_us bigint, sum float8,
  min float8, max float8, first float8, last float8, integral float8
)
language plpgsql stable parallel restricted security definer rows 1
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
begin
  return query
    select sum(p.count), min(p.first_us), max(p.last_us),
      (sum(p.covered_us) + coalesce(sum(l.covered_us), 0))::bigint, sum(tame(p.sum)), min(p.min),
      max(p.max), min(p.first) filter (where p.before_us is null),
      min(p.last) filter (where p.after_us is null), sum(tame(p.integral) + coalesce(l.integral, 0))
    from (
      select b.*, lag(b.last_us) over w as before_us, lag(b.last) over w as before,
        lead(b.first_us) over w as after_us
      from block b
      where b.series_id = p_series and b.bucket_us >= p_hour
        and b.bucket_us < p_hour + us_per_hour()
        and not exists (select from block_end e where e.block_id = b.block_id offset 0)
      window w as (order by b.first_us, b.last_us, b.block_id)) p,
    line_area(p.before_us, p.before, p.first_us, p.first, p.before_us, p.first_us, max_gap,
      sample_type) l
    having count(*) > 0;
end $$;
comment on function millrace_v1.hour_of_blocks is
  'Summary of one hour of a series from its blocks, without lines across the edges of the hour. '
  'p_hour, max_gap: microseconds';

create or replace function millrace_v1.minutes_of_hour(
  p_series integer, p_hour bigint, max_gap bigint, sample_type smallint, p_by_hour boolean
) returns table (
  minute timestamptz, count bigint, sum float8, min float8, max float8, first float8,
  last float8, integral float8, covered_us bigint
)
language plpgsql stable parallel restricted security definer cost 20000 rows 60
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
declare
  v_before float8[];
  v_after float8[];
  v_end bigint;
begin
  if not exists (select from series_day d where d.series_id = p_series
    and d.time = from_us(floor_to(p_hour, us_per_day()))) then
    return;
  end if;
  if sample_type = sample_type_step() then
    v_end := millrace_v1.history_end();
  end if;
  if not p_by_hour then
    -- A value holds for two seconds at most.
    return query
      select from_us(h.bucket_us + us_per_minute()), 0::bigint, null::float8, null::float8,
        null::float8, null::float8, null::float8, l.integral, l.covered_us
      from (
        select distinct on (b.bucket_us) b.bucket_us, b.last_us, b.last from block b
        where b.series_id = p_series and b.bucket_us >= p_hour - us_per_minute()
          and b.bucket_us < p_hour + us_per_hour() - us_per_minute()
          and not exists (select from block_end e where e.block_id = b.block_id offset 0)
        order by b.bucket_us, b.first_us desc, b.block_id desc) h,
      line_area(h.last_us, h.last, v_end, null, h.bucket_us + us_per_minute(),
        h.bucket_us + 2 * us_per_minute(), max_gap, sample_type) l
      where l.covered_us > 0
        and not exists (select from block n where n.series_id = p_series
          and n.bucket_us = h.bucket_us + us_per_minute()
          and not exists (select from block_end e where e.block_id = n.block_id offset 0) offset 0);
    return;
  end if;
  v_before := millrace_v1.sample_before(p_series, p_hour, max_gap);
  v_after := millrace_v1.sample_after(p_series, p_hour + us_per_hour(), max_gap);
  if v_after is null then
    v_after := array[v_end, null];
  end if;
  return query
    with
      sample as (
        select 1 as place, b.bucket_us, b.first_us, b.block_id, d.ordinal, d.time_us, d.value
        from block b, millrace_v1.decode_block(b.payload || b.tail) d
        where b.series_id = p_series and b.bucket_us >= p_hour
          and b.bucket_us < p_hour + us_per_hour()
          and not exists (select from block_end e where e.block_id = b.block_id offset 0)
        union all
        select 0, 0, 0, 0, 0, v_before[1]::bigint, v_before[2] where v_before is not null
        union all
        select 2, 0, 0, 0, 0, v_after[1]::bigint, v_after[2] where v_after[1] is not null),
      sorted as (
        select s.*, lag(s.minute) over w as minute_before, lead(s.minute) over w as minute_after,
          lead(s.time_us) over w as next_us, lead(s.exact) over w as next
        from (select *, floor_to(sample.time_us, us_per_minute()) as minute,
          exactly(sample.value) as exact from sample) s
        window w as (order by s.place, s.bucket_us, s.first_us, s.block_id, s.ordinal)),
      part as (
        -- Each sample, and of what begins there what lies in the same minute.
        select s.minute, s.value, s.exact, s.minute is distinct from s.minute_before as is_first,
          s.minute is distinct from s.minute_after as is_last, l.integral, l.covered_us
        from sorted s,
          exact_area(s.time_us, s.exact, s.next_us, s.next, s.minute, s.minute + us_per_minute(),
            max_gap, sample_type) l
        where s.place = 1
        union all
        select minute.us, null, null, false, false, l.integral, l.covered_us
        from sorted s,
          generate_series(
            greatest(s.minute + us_per_minute(), p_hour),
            least(s.next_us, s.time_us + max_gap, p_hour + us_per_hour()) - 1,
            us_per_minute()) minute(us),
          exact_area(s.time_us, s.exact, s.next_us, s.next, minute.us, minute.us + us_per_minute(),
            max_gap, sample_type) l
        where s.next_us > s.minute + us_per_minute()
          and (s.next_us - s.time_us <= max_gap or sample_type = sample_type_step()))
    select from_us(p.minute), count(p.value), sum(p.exact)::float8, min(p.value), max(p.value),
      min(p.value) filter (where p.is_first), min(p.value) filter (where p.is_last),
      sum(p.integral)::float8, sum(p.covered_us)::bigint
    from part p group by p.minute;
end $$;
comment on function millrace_v1.minutes_of_hour is
  'Summaries of the minutes of one hour of a series, with exact sums. p_hour, max_gap: '
  'microseconds';

-- A value of a step may hold in a day without a sample.
create or replace function millrace_v1.day_of(
  p_series integer, p_day bigint, max_gap bigint, sample_type smallint
) returns table (
  count bigint, sum float8, min float8, max float8, first float8, last float8,
  integral float8, covered_us bigint
)
language plpgsql stable parallel restricted security definer rows 1
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
begin
  return query
    with
      newest as (
        select distinct on (r.hour_us) r.* from rollup_hour r
        where r.series_id = p_series and r.hour_us >= p_day and r.hour_us < p_day + us_per_day()
        order by r.hour_us, r.valid_from desc),
      hour as (
        select n.count, n.first_us, n.last_us, n.covered_us, n.sum, n.min, n.max, n.first, n.last,
          n.integral
        from newest n where n.count is not null
        union all
        select h.count, h.first_us, h.last_us, h.covered_us, h.sum, h.min, h.max, h.first, h.last,
          h.integral
        from generate_series(p_day, p_day + us_per_day() - us_per_hour(), us_per_hour()) due(us),
          millrace_v1.hour_of_blocks(p_series, due.us, max_gap, sample_type) h
        where exists (select from rollup_due d where d.series_id = p_series
          and d.hour_us = due.us offset 0)
          and not exists (select from newest n where n.hour_us = due.us and n.count is not null)),
      beside as (
        select h.*, lag(h.last_us) over w as before_us, lag(h.last) over w as before,
          lead(h.first_us) over w as after_us
        from hour h window w as (order by h.first_us)),
      joined as (
        select sum(p.count)::bigint as count, min(p.first_us) as first_us,
          max(p.last_us) as last_us,
          (sum(p.covered_us) + sum(l.covered_us))::bigint as covered_us,
          sum(tame(p.sum)) as sum, min(p.min) as min, max(p.max) as max,
          min(p.first) filter (where p.before_us is null) as first,
            min(p.last) filter (where p.after_us is null) as last,
          sum(tame(p.integral) + l.integral) as integral
        from beside p,
          line_area(p.before_us, p.before, p.first_us, p.first, p.before_us, p.first_us, max_gap,
            sample_type) l
        having count(*) > 0 or sample_type = sample_type_step())
    select coalesce(j.count, 0), j.sum, j.min, j.max, j.first, j.last,
      coalesce(j.integral, 0) + e.integral, coalesce(j.covered_us, 0) + e.covered_us
    from joined j, millrace_v1.lines_across(
      p_series, max_gap, sample_type, p_day, p_day + us_per_day(), j.first_us, j.first, j.last_us,
        j.last) e
    where j.count > 0 or e.covered_us > 0;
end $$;
comment on function millrace_v1.day_of is
  'Summary of one UTC day of a series. p_day, max_gap: microseconds';
