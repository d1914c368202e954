-- Functions of the summary views (0026): the part of a line that lies in a bucket, and what a view
-- asks for each of its rows.

-- The part in [p_from, p_to) of the line from a sample to the next one. The formula of all views:
-- lineArea() in accessor/history/line-area.ts. A pair farther apart than max_gap is no line. tame()
-- keeps float8 from failing.
create function line_area(
  p_us bigint, p_value float8, q_us bigint, q_value float8, p_from bigint, p_to bigint, max_gap bigint
) returns table (integral float8, covered_us bigint) language sql immutable parallel safe rows 1
begin atomic
  select case when part.us > 0 then (tame(p_value) * (1 - part.f) + tame(q_value) * part.f) * part.us / 1e6 else 0 end,
    greatest(part.us, 0)
  from (select
    case when q_us - p_us <= max_gap then least(q_us, p_to) - greatest(p_us, p_from) else 0 end as us,
    -- Half way along the part, from p to q.
    ((greatest(p_us, p_from) - p_us) + (least(q_us, p_to) - p_us)) / 2::float8 / nullif(q_us - p_us, 0) as f) part;
end;

-- sum / count, but never outside of what was measured, however the sum was rounded.
create function mean_of(p_sum float8, p_count bigint, p_min float8, p_max float8) returns float8
language sql immutable parallel safe return greatest(p_min, least(p_max, p_sum / p_count));

-- Energy of signal power, as state_hours has it.
create function kwh_of(signal text, unit text, integral float8, covered_seconds float8) returns float8
language sql immutable parallel safe return
  case when signal = 'power' and covered_seconds > 0 then tame(tame(integral) * watts_per(unit)) / 3.6e6 end;

-- What the views ask for each row. They run as their owner, so that readers need no right to the
-- tables, and keep their plans for a session.

-- {time_us, value} of the last sample before a time that begins a bucket, if a line may reach
-- across it; of roll-ups where the blocks are gone.
create function millrace_v1.sample_before(p_series integer, p_us bigint, max_gap bigint) returns float8[]
language plpgsql stable parallel restricted security definer as $$
declare
  v float8[];
begin
  -- Most often an hour's, which is rolled up.
  if mod(p_us, 3600000000) = 0 then
    select array[r.last_us, r.last] into v
      from (select * from rollup_hour where series_id = p_series and hour_us = p_us - 3600000000 order by valid_from desc limit 1) r
      where r.count is not null;
    if found then
      return case when p_us - v[1] < max_gap then v end;
    end if;
  end if;
  select array[b.last_us, b.last] into v from block b
    -- A bucket is an hour at most.
    where b.series_id = p_series and b.bucket_us < p_us and b.bucket_us >= p_us - max_gap - 3600000000
      and not exists (select from block_end e where e.block_id = b.block_id offset 0)
    order by b.bucket_us desc, b.first_us desc, b.block_id desc limit 1;
  if not found then
    select array[r.last_us, r.last] into v from rollup_hour r
      where r.series_id = p_series and r.hour_us < p_us and r.hour_us >= p_us - max_gap - 3600000000 and r.last_us < p_us
        and not exists (select from rollup_hour n
          where n.series_id = p_series and n.hour_us = r.hour_us and n.valid_from > r.valid_from offset 0)
      order by r.hour_us desc limit 1;
  end if;
  return case when p_us - v[1] < max_gap then v end;
end $$;

-- The same of the first sample at that time or after.
create function millrace_v1.sample_after(p_series integer, p_us bigint, max_gap bigint) returns float8[]
language plpgsql stable parallel restricted security definer as $$
declare
  v float8[];
begin
  -- Most often an hour's, which is rolled up.
  if mod(p_us, 3600000000) = 0 then
    select array[r.first_us, r.first] into v
      from (select * from rollup_hour where series_id = p_series and hour_us = p_us order by valid_from desc limit 1) r
      where r.count is not null;
    if found then
      return case when v[1] - p_us < max_gap then v end;
    end if;
  end if;
  select array[b.first_us, b.first] into v from block b
    where b.series_id = p_series and b.bucket_us >= p_us and b.bucket_us < p_us + max_gap
      and not exists (select from block_end e where e.block_id = b.block_id offset 0)
    order by b.bucket_us, b.first_us, b.block_id limit 1;
  if not found then
    select array[r.first_us, r.first] into v from rollup_hour r
      where r.series_id = p_series and r.hour_us >= p_us and r.hour_us < p_us + max_gap and r.count is not null
        and not exists (select from rollup_hour n
          where n.series_id = p_series and n.hour_us = r.hour_us and n.valid_from > r.valid_from offset 0)
      order by r.hour_us limit 1;
  end if;
  return case when v[1] - p_us < max_gap then v end;
end $$;

-- What the lines across the edges of [p_from, p_to) cover in it, as cutEdges() has it; its first
-- and last sample are null if it has none.
create function millrace_v1.lines_across(
  p_series integer, max_gap bigint, p_from bigint, p_to bigint,
  p_first_us bigint, p_first float8, p_last_us bigint, p_last float8, out integral float8, out covered_us bigint
) language plpgsql stable parallel restricted security definer as $$
declare
  v_before float8[];
  v_after float8[];
begin
  if p_first_us is null or p_first_us - p_from < max_gap then
    v_before := millrace_v1.sample_before(p_series, p_from, max_gap);
  end if;
  if p_first_us is null and v_before is not null then
    v_after := millrace_v1.sample_after(p_series, p_from, max_gap);
  elsif p_to - p_last_us <= max_gap then
    v_after := millrace_v1.sample_after(p_series, p_to, max_gap);
  end if;
  select sum(l.integral), sum(l.covered_us) into integral, covered_us
    from (values (v_before[1]::bigint, v_before[2], coalesce(p_first_us, v_after[1]::bigint), coalesce(p_first, v_after[2])),
      (p_last_us, p_last, v_after[1]::bigint, v_after[2])) line(p_us, p, q_us, q),
    line_area(line.p_us, line.p, line.q_us, line.q, p_from, p_to, max_gap) l;
end $$;

-- The blocks of an hour that is not rolled up, joined as joinSummaries() in
-- accessor/history/summary.ts does. No row if it has none.
create function millrace_v1.hour_of_blocks(p_series integer, p_hour bigint, max_gap bigint)
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
    line_area(p.before_us, p.before, p.first_us, p.first, p.before_us, p.first_us, max_gap) l
    having count(*) > 0;
end $$;

-- The minutes of an hour of a series that is kept by the hour, from its samples. Only those that
-- have samples or are crossed by a line.
create function millrace_v1.minutes_of_hour(p_series integer, p_hour bigint, max_gap bigint)
returns table (
  minute timestamptz, count bigint, sum float8, min float8, max float8, first float8, last float8,
  integral float8, covered_us bigint
) language plpgsql stable parallel restricted security definer cost 20000 rows 60 as $$
declare
  v_before float8[];
  v_after float8[];
begin
  if not exists (select from series_day d where d.series_id = p_series and d.time = from_us(floor_to(p_hour, 86400000000))) then
    return;
  end if;
  v_before := millrace_v1.sample_before(p_series, p_hour, max_gap);
  v_after := millrace_v1.sample_after(p_series, p_hour + 3600000000, max_gap);
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
        select 2, 0, 0, 0, 0, v_after[1]::bigint, v_after[2] where v_after is not null),
      sorted as (
        select s.*, lag(s.minute) over w as minute_before, lead(s.minute) over w as minute_after,
          lead(s.time_us) over w as next_us, lead(s.value) over w as next
        from (select *, floor_to(sample.time_us, 60000000) as minute from sample) s
        window w as (order by s.place, s.bucket_us, s.first_us, s.block_id, s.ordinal)),
      part as (
        -- Each sample, and of the line that begins there what lies in the same minute.
        select s.minute, s.value, s.minute is distinct from s.minute_before as is_first,
          s.minute is distinct from s.minute_after as is_last, l.integral, l.covered_us
        from sorted s,
          line_area(s.time_us, s.value, s.next_us, s.next, s.minute, s.minute + 60000000, max_gap) l
        where s.place = 1
        union all
        select minute.us, null, false, false, l.integral, l.covered_us
        from sorted s,
          generate_series(
            greatest(s.minute + 60000000, p_hour), least(s.next_us, p_hour + 3600000000) - 1, 60000000) minute(us),
          line_area(s.time_us, s.value, s.next_us, s.next, minute.us, minute.us + 60000000, max_gap) l
        where s.next_us > s.minute + 60000000 and s.next_us - s.time_us <= max_gap)
    select from_us(p.minute), count(p.value), sum(tame(p.value)), min(p.value), max(p.value),
      min(p.value) filter (where p.is_first), min(p.value) filter (where p.is_last), sum(p.integral), sum(p.covered_us)::bigint
    from part p group by p.minute;
end $$;

-- A day of a series: its hours, the lines between them and those across its edges. No row if it has
-- none.
create function millrace_v1.day_of(p_series integer, p_day bigint, max_gap bigint)
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
          millrace_v1.hour_of_blocks(p_series, due.us, max_gap) h
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
          line_area(p.before_us, p.before, p.first_us, p.first, p.before_us, p.first_us, max_gap) l
        having count(*) > 0)
    select j.count, j.sum, j.min, j.max, j.first, j.last, j.integral + e.integral, j.covered_us + e.covered_us
    from joined j, millrace_v1.lines_across(
      p_series, max_gap, p_day, p_day + 86400000000, j.first_us, j.first, j.last_us, j.last) e;
end $$;

-- What each machine was doing at a time: of its changes until then the last, by index, however old.
-- Of changes at one time the one committed last. No row for a machine without any.
create function millrace_v1.state_at(p_time timestamptz, p_machines text[] default null)
returns table ("time" timestamptz, machine text, state text, reason text)
language plpgsql stable parallel restricted security definer rows 100 as $$
begin
  return query
    select from_us(c.time_us), m.name, state_name(c.state), c.reason
    from machine m, lateral (
      select * from state_change s
      where s.machine_id = m.id and s.time_us <= case p_time
        when '-infinity' then -9007199254740992 when 'infinity' then 9007199254740992 else to_us(p_time) end
      order by s.time_us desc, s.revision desc, s.position desc limit 1) c
    where p_machines is null or m.name = any (p_machines)
    order by m.name;
end $$;
comment on function millrace_v1.state_at(timestamptz, text[]) is
  'What each machine was doing at a time, and since which change. p_machines: null for all';

do $$
declare
  v_function text;
begin
  foreach v_function in array array['state_at', 'sample_before', 'sample_after', 'lines_across', 'hour_of_blocks', 'minutes_of_hour', 'day_of'] loop
    -- A plan that is made anew for each row's bounds takes longer than all the rest.
    execute format('alter function millrace_v1.%I set plan_cache_mode = force_generic_plan', v_function);
    execute format('alter function millrace_v1.%I set jit = off', v_function);
    execute format('alter function millrace_v1.%I set search_path = pg_catalog, %I, pg_temp', v_function,
      (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = 'block'::regclass));
  end loop;
end $$;
