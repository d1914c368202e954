-- When machines were silent, and what state they were in.

create or replace function millrace_v1.silences_of(
  p_machine integer, p_from bigint, p_to bigint
) returns table (begin_us bigint, end_us bigint)
language plpgsql stable parallel restricted security definer rows 2
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
declare
  -- From the start of the minute.
  v_lasts bigint := us_per_minute() + silence_tolerance(p_machine);
begin
  return query
    with
      hour as (
        -- Each version holds the minutes of those before it.
        select a.hour_us, bit_or(a.minutes) as minutes, min(a.first_minute)::integer as first,
          max(a.last_minute)::integer as last
        from alive_hour a
        where a.machine_id = p_machine and a.hour_us > p_from - v_lasts - us_per_hour()
          and a.hour_us < p_to
        group by a.hour_us),
      -- Whether the first and the last of its minutes, and ten after each, leave a hole.
      seen as (
        select h.*, v_lasts < us_per_hour() + us_per_minute()
          and ((1::bigint << (h.last + 1)) - 1) & ~((1::bigint << h.first) - 1)
            & ~eleven.bits <> 0 as has_hole
        from hour h,
          lateral (select h.minutes | h.minutes << 1) as two(bits),
          lateral (select two.bits | two.bits << 2) as four(bits),
          lateral (select four.bits | four.bits << 4) as eight(bits),
          lateral (select eight.bits | eight.bits << 3) as eleven(bits)),
      alive as (
        select s.hour_us + s.first * us_per_minute() as first_us,
          s.hour_us + s.last * us_per_minute() as last_us
        from seen s where not s.has_hole
        union all
        select s.hour_us + n * us_per_minute(), s.hour_us + n * us_per_minute()
        from seen s, generate_series(s.first, s.last) n
        where s.has_hole and s.minutes >> n & 1 = 1
        union all
        -- What is not filled in yet.
        select earliest_us() - 1, d.before_us - us_per_minute() from alive_due d
          where d.machine_id = p_machine),
      beside as (
        select a.first_us,
          max(a.last_us) over (order by a.first_us, a.last_us
            rows between unbounded preceding and 1 preceding) as before_us
        from alive a
        union all
        select p_to, max(a.last_us) from alive a),
      silence as (
        select greatest(b.before_us + v_lasts, p_from) as begin_us,
          least(b.first_us, p_to) as end_us from beside b)
    select s.begin_us, s.end_us from silence s where s.begin_us < s.end_us order by s.begin_us;
end $$;
comment on function millrace_v1.silences_of is
  'When a machine was silent in [p_from, p_to), ascending, in microseconds since 1970';

-- No state begins in a silence, for that would be a record.
create or replace function millrace_v1.silent_states(
  p_machine integer, p_from bigint, p_to bigint
) returns bigint[]
language plpgsql stable parallel restricted security definer
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
declare
  v_silent bigint[];
  v_one record;
  v_state integer;
begin
  for v_one in select s.begin_us, s.end_us
    from millrace_v1.silences_of(p_machine, p_from, p_to) s loop
    select c.state into v_state from state_change c
      where c.machine_id = p_machine and c.time_us <= v_one.begin_us
        and c.revision <= (select max(w.revision) from watermark w)
      order by c.time_us desc, c.revision desc, c.position desc limit 1;
    v_state := case when v_state between 1 and 4 then v_state + 1 else 1 end;
    v_silent := coalesce(v_silent, '{0,0,0,0,0}');
    v_silent[v_state] := v_silent[v_state] + v_one.end_us - v_one.begin_us;
  end loop;
  return v_silent;
end $$;
comment on function millrace_v1.silent_states is
  'Microseconds of silence in [p_from, p_to) by number of state, from 1 for unknown. Null: none';

create or replace function millrace_v1.silences(
  p_from timestamptz, p_to timestamptz, p_machines text[] default null
) returns table (machine text, begins timestamptz, ends timestamptz)
language plpgsql stable parallel restricted security definer rows 100
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
declare
  v_from bigint := to_bound_us(p_from);
  v_to bigint := least(millrace_v1.history_end(), to_bound_us(p_to));
  v_machines text[] := case
    when p_machines is null or getdatabaseencoding() <> 'UTF8' then p_machines
    else array(select normalize(n, NFC) from unnest(p_machines) as n) end;
begin
  return query
    select m.name,
      case when s.begin_us = earliest_us() - 1 then '-infinity' else from_us(s.begin_us) end,
      from_us(s.end_us)
    from machine m, millrace_v1.silences_of(m.id, v_from, v_to) s
    where v_machines is null or m.name = any (v_machines)
    order by m.name collate "C", s.begin_us;
end $$;
comment on function millrace_v1.silences is
  'When machines were silent in [p_from, p_to), to the newest commit that is compacted. '
  'p_machines: null for all';

-- Silent at the latest as of now. Signs of life that are only in the log count.
create or replace function millrace_v1.state_at(
  p_time timestamptz, p_machines text[] default null
) returns table ("time" timestamptz, machine text, state text, reason text, silent boolean)
language plpgsql stable parallel restricted security definer rows 100
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
declare
  v_us bigint := to_bound_us(p_time);
  v_life bigint := least(v_us, to_us(now()));
  -- Null stays null. Only UTF-8 has normal forms.
  v_machines text[] := case
    when p_machines is null or getdatabaseencoding() <> 'UTF8' then p_machines
    else array(select normalize(n, NFC) from unnest(p_machines) as n) end;
begin
  return query
    select from_us(c.time_us), m.name, state_name(c.state), c.reason,
      exists (select from millrace_v1.silences_of(m.id, v_life, v_life + 1))
        and not exists (
          select from series s, lateral (
            select l.first_us, l.last_us from log l
            where l.series_id = s.id and l.revision > (select max(w.revision) from watermark w)
            union all
            select h.first_us, h.last_us from held_log h where h.series_id = s.id
              and h.released_at is null) l
          where s.machine_id = m.id and floor_to(l.first_us, us_per_minute()) <= v_life
            and floor_to(l.last_us, us_per_minute()) + us_per_minute()
              + silence_tolerance(m.id) > v_life)
    from machine m, lateral (
      select * from state_change s
      where s.machine_id = m.id and s.time_us <= v_us
      order by s.time_us desc, s.revision desc, s.position desc limit 1) c
    where v_machines is null or m.name = any (v_machines)
    order by m.name collate "C";
end $$;
comment on function millrace_v1.state_at is
  'What each machine was doing at a time, since which change, and whether it was silent. '
  'p_machines: null for all';
