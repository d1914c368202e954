-- Silence of machines for people: millrace_v1.silences(), and a column of state_hours and state_at().
-- Of what is compacted, made of alive_hour (0033).

-- How long a machine may send nothing before it counts as silent: toleranceUsOf() in
-- accessor/history/silence.ts.
create function silence_tolerance(p_machine integer) returns bigint language sql stable as $$
  select greatest(10, ceil(max(s.max_gap_us) / 60000000.0))::bigint * 60000000 from series s
  where s.machine_id = p_machine and s.kind = 3 and coalesce(s.sample_type, 1) = 1
$$;

-- When a machine was silent in [p_from, p_to), ascending.
create function millrace_v1.silences_of(p_machine integer, p_from bigint, p_to bigint)
returns table (begin_us bigint, end_us bigint)
language plpgsql stable parallel restricted security definer rows 2 as $$
declare
  -- From the start of the minute.
  v_lasts bigint := 60000000 + silence_tolerance(p_machine);
begin
  return query
    with
      hour as (
        -- Each version holds the minutes of those before it.
        select a.hour_us, bit_or(a.minutes) as minutes, min(a.first_minute)::integer as first, max(a.last_minute)::integer as last
        from alive_hour a
        where a.machine_id = p_machine and a.hour_us > p_from - v_lasts - 3600000000 and a.hour_us < p_to
        group by a.hour_us),
      -- Whether the first and the last of its minutes, and ten after each, leave a hole.
      seen as (
        select h.*, v_lasts < 3660000000
          and ((1::bigint << (h.last + 1)) - 1) & ~((1::bigint << h.first) - 1) & ~eleven.bits <> 0 as has_hole
        from hour h,
          lateral (select h.minutes | h.minutes << 1) as two(bits),
          lateral (select two.bits | two.bits << 2) as four(bits),
          lateral (select four.bits | four.bits << 4) as eight(bits),
          lateral (select eight.bits | eight.bits << 3) as eleven(bits)),
      alive as (
        select s.hour_us + s.first * 60000000::bigint as first_us, s.hour_us + s.last * 60000000::bigint as last_us
        from seen s where not s.has_hole
        union all
        select s.hour_us + n * 60000000::bigint, s.hour_us + n * 60000000::bigint
        from seen s, generate_series(s.first, s.last) n
        where s.has_hole and s.minutes >> n & 1 = 1
        union all
        -- What is not filled in yet.
        select -9007199254740992, d.before_us - 60000000 from alive_due d where d.machine_id = p_machine),
      beside as (
        select a.first_us, max(a.last_us) over (order by a.first_us, a.last_us rows between unbounded preceding and 1 preceding) as before_us
        from alive a
        union all
        select p_to, max(a.last_us) from alive a),
      silence as (
        select greatest(b.before_us + v_lasts, p_from) as begin_us, least(b.first_us, p_to) as end_us from beside b)
    select s.begin_us, s.end_us from silence s where s.begin_us < s.end_us order by s.begin_us;
end $$;

-- Microseconds of silence in [p_from, p_to) by number of state, from 1. Null: none. No state begins
-- in a silence, for that would be a record.
create function millrace_v1.silent_states(p_machine integer, p_from bigint, p_to bigint) returns bigint[]
language plpgsql stable parallel restricted security definer as $$
declare
  v_silent bigint[];
  v_one record;
  v_state integer;
begin
  for v_one in select s.begin_us, s.end_us from millrace_v1.silences_of(p_machine, p_from, p_to) s loop
    select c.state into v_state from state_change c
      where c.machine_id = p_machine and c.time_us <= v_one.begin_us and c.revision <= (select max(w.revision) from watermark w)
      order by c.time_us desc, c.revision desc, c.position desc limit 1;
    v_state := case when v_state between 1 and 4 then v_state + 1 else 1 end;
    v_silent := coalesce(v_silent, '{0,0,0,0,0}');
    v_silent[v_state] := v_silent[v_state] + v_one.end_us - v_one.begin_us;
  end loop;
  return v_silent;
end $$;

create function millrace_v1.silences(p_from timestamptz, p_to timestamptz, p_machines text[] default null)
returns table (machine text, begins timestamptz, ends timestamptz)
language plpgsql stable parallel restricted security definer rows 100 as $$
declare
  v_from bigint := case p_from when '-infinity' then -9007199254740992 when 'infinity' then 9007199254740992 else to_us(p_from) end;
  v_to bigint := least(millrace_v1.history_end(),
    case p_to when '-infinity' then -9007199254740992 when 'infinity' then 9007199254740992 else to_us(p_to) end);
  v_machines text[] := case when p_machines is null or getdatabaseencoding() <> 'UTF8' then p_machines
    else array(select normalize(n, NFC) from unnest(p_machines) as n) end;
begin
  return query
    select m.name, case when s.begin_us = -9007199254740992 then '-infinity' else from_us(s.begin_us) end, from_us(s.end_us)
    from machine m, millrace_v1.silences_of(m.id, v_from, v_to) s
    where v_machines is null or m.name = any (v_machines)
    order by m.name collate "C", s.begin_us;
end $$;
comment on function millrace_v1.silences is
  'When machines were silent in [p_from, p_to), to the newest commit that is compacted. p_machines: null for all';

-- As in 0035, with silence. Nobody needs to look further where each minute of the hour is alive.
create or replace view millrace_v1.state_hours as
  select m.name as machine, from_us(r.start_us) as time, (array['UNKNOWN', 'ACTIVE', 'IDLE', 'FAULT', 'OFF'])[u.n] as state,
    u.time_us / 1e6::float8 as seconds,
    case when u.covered_us > 0 and p.sample_type is distinct from 3 and (r.valid_from <= p.stale_through) is not true
      then tame(tame(u.integral) * watts_per(p.unit)) / 3.6e6 end as kwh,
    case when p.sample_type = 3 then 0 when r.valid_from <= p.stale_through then null else u.covered_us end / 1e6::float8 as covered_seconds,
    coalesce(silent.us[u.n], 0) / 1e6::float8 as silent_seconds
  from rollup_state r
  join machine m on m.id = r.machine_id
  left join series p on p.machine_id = r.machine_id and p.signal = 'power',
  lateral (
    select case when (select a.minutes from alive_hour a where a.machine_id = r.machine_id and a.hour_us = r.start_us
        order by a.valid_from desc limit 1) = (1::bigint << 60) - 1 then null
      else millrace_v1.silent_states(r.machine_id, r.start_us, r.start_us + 3600000000) end as us
    offset 0) silent,
  unnest(r.time_us, r.covered_us, r.integral) with ordinality as u(time_us, covered_us, integral, n)
  where r.width_us = 3600000000 and r.transitions is not null and u.time_us > 0
    and not exists (select from rollup_state n where n.machine_id = r.machine_id and n.width_us = r.width_us and n.start_us = r.start_us
      and n.valid_from > r.valid_from);

-- What of a reader's own hangs on the function as it was keeps it.
do $$
begin
  drop function millrace_v1.state_at(timestamptz, text[]);
exception when dependent_objects_still_exist then
  alter function millrace_v1.state_at(timestamptz, text[]) rename to state_at_without_silence;
end $$;

-- As in 0029, with silence, at the latest as of now. Signs of life that are only in the log count.
create function millrace_v1.state_at(p_time timestamptz, p_machines text[] default null)
returns table ("time" timestamptz, machine text, state text, reason text, silent boolean)
language plpgsql stable parallel restricted security definer rows 100 as $$
declare
  v_us bigint := case p_time
    when '-infinity' then -9007199254740992 when 'infinity' then 9007199254740992 else to_us(p_time) end;
  v_life bigint := least(v_us, to_us(now()));
  -- Null stays null. Only UTF-8 has normal forms.
  v_machines text[] := case when p_machines is null or getdatabaseencoding() <> 'UTF8' then p_machines
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
            select h.first_us, h.last_us from held_log h where h.series_id = s.id and h.released_at is null) l
          where s.machine_id = m.id and floor_to(l.first_us, 60000000) <= v_life
            and floor_to(l.last_us, 60000000) + 60000000 + silence_tolerance(m.id) > v_life)
    from machine m, lateral (
      select * from state_change s
      where s.machine_id = m.id and s.time_us <= v_us
      order by s.time_us desc, s.revision desc, s.position desc limit 1) c
    where v_machines is null or m.name = any (v_machines)
    order by m.name collate "C";
end $$;
comment on function millrace_v1.state_at(timestamptz, text[]) is
  'What each machine was doing at a time, since which change, and whether it was silent. p_machines: null for all';

do $$
declare
  v_function regprocedure;
begin
  foreach v_function in array array['millrace_v1.silences_of(integer, bigint, bigint)', 'millrace_v1.silent_states(integer, bigint, bigint)',
    'millrace_v1.silences(timestamptz, timestamptz, text[])', 'millrace_v1.state_at(timestamptz, text[])']::regprocedure[] loop
    execute format('alter function %s set plan_cache_mode = force_generic_plan', v_function);
    execute format('alter function %s set jit = off', v_function);
    execute format('alter function %s set search_path = pg_catalog, %I, pg_temp', v_function,
      (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = 'block'::regclass));
    execute format('revoke execute on function %s from public', v_function);
  end loop;
  if exists (select from pg_roles where rolname = 'millrace_reader') then
    grant execute on all functions in schema millrace_v1 to millrace_reader;
  end if;
end $$;
