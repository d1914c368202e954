-- Minutes of signals that are kept by the hour, which SQL adds up from their samples, as exact as
-- blocks are summed up: what large values that cancel leave is not lost in a float8.

-- A float8 by the digits that tell it from all others; beyond 1e300 and 1e-290 as tame() has it.
create function exactly(x float8) returns numeric language sql immutable parallel safe
  return tame(x)::text::numeric;

-- As line_area() (0034), without a rounding. Only lines that are cut and increases are divided by
-- what does not end: to 30 digits after the point at least.
create function exact_area(
  p_us bigint, p_value numeric, q_us bigint, q_value numeric, p_from bigint, p_to bigint, max_gap bigint, sample_type smallint
) returns table (integral numeric, covered_us bigint) language sql immutable parallel safe rows 1
begin atomic
  select
    case
      when not coalesce(part.us > 0, false) then 0
      when sample_type = 2 then p_value * part.us * 0.000001
      when sample_type = 3 then case
          when q_value >= p_value then q_value - p_value
          else greatest(q_value, 0) end
        * case when part.us = part.span then 1 else part.us * 1.000000000000000000000000000000 / part.span end
      when part.us = part.span then (p_value + q_value) * part.us * 0.0000005
      -- The value half way along the part: weights are whole microseconds.
      else (p_value * (2 * part.span - part.twice) + q_value * part.twice)
        * part.us * 0.000000500000000000000000000000000000 / part.span
    end,
    greatest(part.us, 0)
  from (select q_us - p_us as span, (greatest(p_us, p_from) - p_us) + (least(q_us, p_to) - p_us) as twice,
    case when q_us - p_us <= max_gap or sample_type = 2 and q_us >= p_us
      then least(q_us, p_us + max_gap, p_to) - greatest(p_us, p_from) else 0 end as us) part;
end;

-- As in 0034, with exact sums.
create or replace function millrace_v1.minutes_of_hour(
  p_series integer, p_hour bigint, max_gap bigint, sample_type smallint, p_by_hour boolean
) returns table (
  minute timestamptz, count bigint, sum float8, min float8, max float8, first float8, last float8,
  integral float8, covered_us bigint
) language plpgsql stable parallel restricted security definer cost 20000 rows 60 as $$
declare
  v_before float8[];
  v_after float8[];
  v_end bigint;
begin
  if not exists (select from series_day d where d.series_id = p_series and d.time = from_us(floor_to(p_hour, 86400000000))) then
    return;
  end if;
  if sample_type = 2 then
    v_end := millrace_v1.history_end();
  end if;
  if not p_by_hour then
    -- A value holds for two seconds at most.
    return query
      select from_us(h.bucket_us + 60000000), 0::bigint, null::float8, null::float8, null::float8, null::float8, null::float8,
        l.integral, l.covered_us
      from (
        select distinct on (b.bucket_us) b.bucket_us, b.last_us, b.last from block b
        where b.series_id = p_series and b.bucket_us >= p_hour - 60000000 and b.bucket_us < p_hour + 3540000000
          and not exists (select from block_end e where e.block_id = b.block_id offset 0)
        order by b.bucket_us, b.first_us desc, b.block_id desc) h,
      line_area(h.last_us, h.last, v_end, null, h.bucket_us + 60000000, h.bucket_us + 120000000, max_gap, sample_type) l
      where l.covered_us > 0
        and not exists (select from block n where n.series_id = p_series and n.bucket_us = h.bucket_us + 60000000
          and not exists (select from block_end e where e.block_id = n.block_id offset 0) offset 0);
    return;
  end if;
  v_before := millrace_v1.sample_before(p_series, p_hour, max_gap);
  v_after := millrace_v1.sample_after(p_series, p_hour + 3600000000, max_gap);
  if v_after is null then
    v_after := array[v_end, null];
  end if;
  return query
    with
      sample as (
        select 1 as place, b.bucket_us, b.first_us, b.block_id, d.ordinal, d.time_us, d.value
        from block b, millrace_v1.decode_block(b.payload || b.tail) d
        where b.series_id = p_series and b.bucket_us >= p_hour and b.bucket_us < p_hour + 3600000000
          and not exists (select from block_end e where e.block_id = b.block_id offset 0)
        union all
        select 0, 0, 0, 0, 0, v_before[1]::bigint, v_before[2] where v_before is not null
        union all
        select 2, 0, 0, 0, 0, v_after[1]::bigint, v_after[2] where v_after[1] is not null),
      sorted as (
        select s.*, lag(s.minute) over w as minute_before, lead(s.minute) over w as minute_after,
          lead(s.time_us) over w as next_us, lead(s.exact) over w as next
        from (select *, floor_to(sample.time_us, 60000000) as minute, exactly(sample.value) as exact from sample) s
        window w as (order by s.place, s.bucket_us, s.first_us, s.block_id, s.ordinal)),
      part as (
        -- Each sample, and of what begins there what lies in the same minute.
        select s.minute, s.value, s.exact, s.minute is distinct from s.minute_before as is_first,
          s.minute is distinct from s.minute_after as is_last, l.integral, l.covered_us
        from sorted s,
          exact_area(s.time_us, s.exact, s.next_us, s.next, s.minute, s.minute + 60000000, max_gap, sample_type) l
        where s.place = 1
        union all
        select minute.us, null, null, false, false, l.integral, l.covered_us
        from sorted s,
          generate_series(
            greatest(s.minute + 60000000, p_hour), least(s.next_us, s.time_us + max_gap, p_hour + 3600000000) - 1, 60000000) minute(us),
          exact_area(s.time_us, s.exact, s.next_us, s.next, minute.us, minute.us + 60000000, max_gap, sample_type) l
        where s.next_us > s.minute + 60000000 and (s.next_us - s.time_us <= max_gap or sample_type = 2))
    select from_us(p.minute), count(p.value), sum(p.exact)::float8, min(p.value), max(p.value),
      min(p.value) filter (where p.is_first), min(p.value) filter (where p.is_last),
      sum(p.integral)::float8, sum(p.covered_us)::bigint
    from part p group by p.minute;
end $$;

do $$
begin
  -- As in 0034.
  alter function millrace_v1.minutes_of_hour(integer, bigint, bigint, smallint, boolean) set plan_cache_mode = force_generic_plan;
  alter function millrace_v1.minutes_of_hour(integer, bigint, bigint, smallint, boolean) set jit = off;
  execute format('alter function millrace_v1.minutes_of_hour(integer, bigint, bigint, smallint, boolean) set search_path = pg_catalog, %I, pg_temp',
    (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = 'block'::regclass));
end $$;
