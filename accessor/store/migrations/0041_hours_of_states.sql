-- state_hours without holes: hours in which nothing of a machine arrived are in the state that held.
-- They are looked up by the hours of the clock, one table for all machines (decision 24).

-- Each hour from that of the first change of a state to the end of tomorrow, without a hole.
create table clock_hour (
  time timestamptz primary key,
  hour_us bigint not null
);

-- Makes hours that are missing, the newest first, p_limit at most; answers how many. Forgets those
-- before the first change that retention has left. Nobody's clock has shown hours before 1970.
create function make_clock_hours(p_limit integer) returns integer language plpgsql as $$
declare
  v_first bigint := (
    select floor_to(greatest(c.time_us, 0), 3600000000) from state_change c order by c.time_us limit 1);
  v_end bigint := floor_to(to_us(clock_timestamp()), 86400000000) + 172800000000;
  v_bottom bigint;
  v_top bigint;
  v_later bigint;
  v_earlier bigint;
begin
  if v_first is null then
    return 0;
  end if;
  delete from clock_hour where time < from_us(v_first);
  select coalesce(to_us(min(c.time)), v_end), coalesce(to_us(max(c.time)) + 3600000000, v_end) into v_bottom, v_top from clock_hour c;
  v_later := least(greatest((v_end - v_top) / 3600000000, 0), p_limit);
  v_earlier := least(greatest((v_bottom - v_first) / 3600000000, 0), p_limit - v_later);
  insert into clock_hour (time, hour_us)
    select from_us(made.us), made.us
    from (
      select v_top + n * 3600000000 from generate_series(0, v_later - 1) n
      union all
      select v_bottom - n * 3600000000 from generate_series(1, v_earlier) n) made(us)
    on conflict do nothing;
  if v_later + v_earlier > 0 and (select reltuples < 0 from pg_class where oid = 'clock_hour'::regclass) then
    analyze clock_hour;
  end if;
  return v_later + v_earlier;
end $$;

-- Of more than eleven years, tidying makes the rest.
select make_clock_hours(100000);

-- As in 0036, and the hours that are over in the history, are neither rolled up nor due, and begin
-- and end in one state. No power is in them: what power covers is rolled up.
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
      and n.valid_from > r.valid_from)
  union all
  select m.name, h.time, state_name(held.state), 3600::float8, null::float8,
    -- Power that arrived there is of a roll-up that retention has dropped.
    case when p.sample_type = 3 then 0::float8
      when p.stale_through is null and not exists (
        select from touched t where t.series_id = p.id and t.width_us = 3600000000 and t.start_us = h.hour_us) then 0::float8 end,
    coalesce((select sum(s.end_us - s.begin_us) from millrace_v1.silences_of(m.id, h.hour_us, h.hour_us + 3600000000) s), 0)::float8 / 1e6
  from clock_hour h
  cross join machine m
  left join series p on p.machine_id = m.id and p.signal = 'power',
  lateral (
    select c.state, c.time_us from state_change c
    where c.machine_id = m.id and c.time_us < h.hour_us + 3600000000 and c.revision <= (select max(w.revision) from watermark w)
    order by c.time_us desc, c.revision desc, c.position desc limit 1) held
  where h.time <= (select from_us(millrace_v1.history_end() - 3600000000)) and held.time_us <= h.hour_us
    -- One look each; what is not pulled up is done first.
    and not exists (select from rollup_state r where r.machine_id = m.id and r.width_us = 3600000000 and r.start_us = h.hour_us offset 0)
    and not exists (select from rollup_state_due d where d.hour_us = h.hour_us and d.machine_id = m.id offset 0);

-- As in 0033, with the hours.
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
      'rollup_state_due', 'series_day', 'series_day_due', 'kept_minute', 'kept_minute_day', 'alive_hour', 'alive_due', 'clock_hour']::regclass[]) t)::bigint, null::bigint
    union all
    select 'state_changes', pg_total_relation_size('state_change'), (select count(*) from state_change)
    union all
    select 'error_reports', pg_total_relation_size('error_report'), (select count(*) from error_report)) parts;
