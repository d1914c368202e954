-- The functions of the summary views (0025) by the type of a series' samples (0032).

-- The part in [p_from, p_to) of what is between a sample and the next one, the formula of all views:
-- the area under the line between them; of a step (2) under the value, which holds for max_gap at
-- most; of a counter (3) its increase. A pair farther apart than max_gap is no line and no increase,
-- nor is one at the same time. As lineArea() in accessor/history/line-area.ts; tame() keeps float8
-- from failing.
create function line_area(
  p_us bigint, p_value float8, q_us bigint, q_value float8, p_from bigint, p_to bigint, max_gap bigint, sample_type smallint
) returns table (integral float8, covered_us bigint) language sql immutable parallel safe rows 1
begin atomic
  select
    case
      when not coalesce(part.us > 0, false) then 0
      when sample_type = 2 then tame(p_value) * (part.us / 1e6::float8)
      -- Below the one before: counted from 0 again.
      when sample_type = 3 then case when q_value >= p_value then tame(q_value) - tame(p_value) else greatest(tame(q_value), 0) end
        * (part.us / (q_us - p_us)::float8)
      else (tame(p_value) * (1 - part.f) + tame(q_value) * part.f) * (part.us / 1e6::float8)
    end,
    greatest(part.us, 0)
  from (select
    case when q_us - p_us <= max_gap or sample_type = 2 and q_us >= p_us
      then least(q_us, p_us + max_gap, p_to) - greatest(p_us, p_from) else 0 end as us,
    -- Half way along the part, from p to q.
    ((greatest(p_us, p_from) - p_us) + (least(q_us, p_to) - p_us)) / 2::float8 / nullif(q_us - p_us, 0) as f) part;
end;

create function sample_type_name(sample_type smallint) returns text language sql immutable parallel safe
  return (array['LINEAR', 'STEP', 'COUNTER'])[coalesce(sample_type, 1)];

-- Where the history ends: the time of the newest commit in it, as readWatermarkTime() in
-- accessor/store/watermark.ts has it. What comes after is not known: the last value of all holds no
-- longer.
create function millrace_v1.history_end() returns bigint
language plpgsql stable parallel restricted security definer as $$
declare
  v watermark;
begin
  select * into strict v from watermark w order by w.revision desc limit 1;
  return coalesce(
    (select to_us(min(r.committed_at)) from receipt r where r.revision = v.revision),
    case when v.revision > 0 then to_us(v.compacted_at) end,
    -9007199254740991);
end $$;

-- As in 0025, by the type. Of a step: what the value before holds of [p_from, p_to), and the last in
-- it; if it has no first sample although there are samples in it, nothing.
create function millrace_v1.lines_across(
  p_series integer, max_gap bigint, sample_type smallint, p_from bigint, p_to bigint,
  p_first_us bigint, p_first float8, p_last_us bigint, p_last float8, out integral float8, out covered_us bigint
) language plpgsql stable parallel restricted security definer as $$
declare
  v_before float8[];
  v_after float8[];
begin
  if p_first_us is null or p_first_us - p_from < max_gap or sample_type = 2 then
    v_before := millrace_v1.sample_before(p_series, p_from, max_gap);
  end if;
  if p_first_us is null and v_before is not null then
    v_after := millrace_v1.sample_after(p_series, p_from, case when sample_type = 2 then greatest(max_gap, p_to - p_from) else max_gap end);
    if sample_type = 2 and v_after[1] < p_to then
      return;
    end if;
  elsif p_to - p_last_us <= max_gap then
    v_after := millrace_v1.sample_after(p_series, p_to, max_gap);
  end if;
  if sample_type = 2 and v_after is null then
    v_after := array[millrace_v1.history_end(), null];
  end if;
  select sum(l.integral), sum(l.covered_us) into integral, covered_us
    from (values (v_before[1]::bigint, v_before[2], coalesce(p_first_us, v_after[1]::bigint), coalesce(p_first, v_after[2])),
      (p_last_us, p_last, v_after[1]::bigint, v_after[2])) line(p_us, p, q_us, q),
    line_area(line.p_us, line.p, line.q_us, line.q, p_from, p_to, max_gap, sample_type) l;
end $$;

-- As in 0025, by the type.
create function millrace_v1.hour_of_blocks(p_series integer, p_hour bigint, max_gap bigint, sample_type smallint)
returns table (
  count bigint, first_us bigint, last_us bigint, covered_us bigint,
  sum float8, min float8, max float8, first float8, last float8, integral float8
) language plpgsql stable parallel restricted security definer rows 1 as $$
begin
  return query
    select sum(p.count), min(p.first_us), max(p.last_us), (sum(p.covered_us) + coalesce(sum(l.covered_us), 0))::bigint,
      sum(tame(p.sum)), min(p.min), max(p.max),
      min(p.first) filter (where p.before_us is null), min(p.last) filter (where p.after_us is null),
      sum(tame(p.integral) + coalesce(l.integral, 0))
    from (
      select b.*, lag(b.last_us) over w as before_us, lag(b.last) over w as before, lead(b.first_us) over w as after_us
      from block b
      where b.series_id = p_series and b.bucket_us >= p_hour and b.bucket_us < p_hour + 3600000000
        and not exists (select from block_end e where e.block_id = b.block_id offset 0)
      window w as (order by b.first_us, b.last_us, b.block_id)) p,
    line_area(p.before_us, p.before, p.first_us, p.first, p.before_us, p.first_us, max_gap, sample_type) l
    having count(*) > 0;
end $$;

-- As in 0025, by the type. Of a step that is kept by the minute (not p_by_hour) only the minutes
-- without a sample: blocks have the others.
create function millrace_v1.minutes_of_hour(
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
          lead(s.time_us) over w as next_us, lead(s.value) over w as next
        from (select *, floor_to(sample.time_us, 60000000) as minute from sample) s
        window w as (order by s.place, s.bucket_us, s.first_us, s.block_id, s.ordinal)),
      part as (
        -- Each sample, and of what begins there what lies in the same minute.
        select s.minute, s.value, s.minute is distinct from s.minute_before as is_first,
          s.minute is distinct from s.minute_after as is_last, l.integral, l.covered_us
        from sorted s,
          line_area(s.time_us, s.value, s.next_us, s.next, s.minute, s.minute + 60000000, max_gap, sample_type) l
        where s.place = 1
        union all
        select minute.us, null, false, false, l.integral, l.covered_us
        from sorted s,
          generate_series(
            greatest(s.minute + 60000000, p_hour), least(s.next_us, s.time_us + max_gap, p_hour + 3600000000) - 1, 60000000) minute(us),
          line_area(s.time_us, s.value, s.next_us, s.next, minute.us, minute.us + 60000000, max_gap, sample_type) l
        where s.next_us > s.minute + 60000000 and (s.next_us - s.time_us <= max_gap or sample_type = 2))
    select from_us(p.minute), count(p.value), sum(tame(p.value)), min(p.value), max(p.value),
      min(p.value) filter (where p.is_first), min(p.value) filter (where p.is_last), sum(p.integral), sum(p.covered_us)::bigint
    from part p group by p.minute;
end $$;

-- As in 0025, by the type; a value may hold in a day without a sample.
create function millrace_v1.day_of(p_series integer, p_day bigint, max_gap bigint, sample_type smallint)
returns table (
  count bigint, sum float8, min float8, max float8, first float8, last float8, integral float8, covered_us bigint
) language plpgsql stable parallel restricted security definer rows 1 as $$
begin
  return query
    with
      newest as (
        select distinct on (r.hour_us) r.* from rollup_hour r
        where r.series_id = p_series and r.hour_us >= p_day and r.hour_us < p_day + 86400000000
        order by r.hour_us, r.valid_from desc),
      hour as (
        select n.count, n.first_us, n.last_us, n.covered_us, n.sum, n.min, n.max, n.first, n.last, n.integral
        from newest n where n.count is not null
        union all
        select h.count, h.first_us, h.last_us, h.covered_us, h.sum, h.min, h.max, h.first, h.last, h.integral
        from generate_series(p_day, p_day + 82800000000, 3600000000) due(us),
          millrace_v1.hour_of_blocks(p_series, due.us, max_gap, sample_type) h
        where exists (select from rollup_due d where d.series_id = p_series and d.hour_us = due.us offset 0)
          and not exists (select from newest n where n.hour_us = due.us and n.count is not null)),
      beside as (
        select h.*, lag(h.last_us) over w as before_us, lag(h.last) over w as before, lead(h.first_us) over w as after_us
        from hour h window w as (order by h.first_us)),
      joined as (
        select sum(p.count)::bigint as count, min(p.first_us) as first_us, max(p.last_us) as last_us,
          (sum(p.covered_us) + sum(l.covered_us))::bigint as covered_us,
          sum(tame(p.sum)) as sum, min(p.min) as min, max(p.max) as max,
          min(p.first) filter (where p.before_us is null) as first, min(p.last) filter (where p.after_us is null) as last,
          sum(tame(p.integral) + l.integral) as integral
        from beside p,
          line_area(p.before_us, p.before, p.first_us, p.first, p.before_us, p.first_us, max_gap, sample_type) l
        having count(*) > 0 or sample_type = 2)
    select coalesce(j.count, 0), j.sum, j.min, j.max, j.first, j.last,
      coalesce(j.integral, 0) + e.integral, coalesce(j.covered_us, 0) + e.covered_us
    from joined j, millrace_v1.lines_across(
      p_series, max_gap, sample_type, p_day, p_day + 86400000000, j.first_us, j.first, j.last_us, j.last) e
    where j.count > 0 or e.covered_us > 0;
end $$;

do $$
declare
  v_function text;
begin
  foreach v_function in array array['history_end()', 'lines_across(integer, bigint, smallint, bigint, bigint, bigint, float8, bigint, float8)',
    'hour_of_blocks(integer, bigint, bigint, smallint)', 'minutes_of_hour(integer, bigint, bigint, smallint, boolean)',
    'day_of(integer, bigint, bigint, smallint)'] loop
    -- As in 0025: a plan that is made anew for each row's bounds takes longer than all the rest.
    execute format('alter function millrace_v1.%s set plan_cache_mode = force_generic_plan', v_function);
    execute format('alter function millrace_v1.%s set jit = off', v_function);
    execute format('alter function millrace_v1.%s set search_path = pg_catalog, %I, pg_temp', v_function,
      (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = 'block'::regclass));
    execute format('revoke execute on function millrace_v1.%s from public', v_function);
  end loop;
end $$;
