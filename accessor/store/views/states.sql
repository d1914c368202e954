-- How long machines were in which state.

create or replace view millrace_v1.state_intervals as
  select m.name as machine, state_name(c.state) as state, from_us(c.time_us) as start_time,
    from_us(next.time_us) as end_time,
    (next.time_us - c.time_us) / 1e6::float8 as seconds
  from state_change c
  join machine m on m.id = c.machine_id
  left join lateral (
    select n.time_us from state_change n
    where n.machine_id = c.machine_id and n.time_us > c.time_us and n.state <> c.state
      and n.time_us <= (select millrace_v1.newest_commit())
      and (select true from state_change o where o.machine_id = n.machine_id
        and o.time_us = n.time_us
        and (o.revision, o.position) > (n.revision, n.position) limit 1) is null
    order by n.time_us limit 1) next on true
  where (select true from state_change o where o.machine_id = c.machine_id and o.time_us = c.time_us
      and (o.revision, o.position) > (c.revision, c.position) limit 1) is null
    and c.state is distinct from (select p.state from state_change p
      where p.machine_id = c.machine_id and p.time_us < c.time_us
      order by p.time_us desc, p.revision desc, p.position desc limit 1)
    and c.time_us <= (select millrace_v1.newest_commit());
comment on view millrace_v1.state_intervals is
  'What each machine was doing from when to when, to the newest commit. end_time and seconds: '
  'null while it lasts';

-- First hours that are rolled up. Nobody needs to look for silence where each minute of the hour is
-- alive. Then hours that are over in the history, neither rolled up nor due, and begin and end in
-- one state. No power is in them: what power covers is rolled up.
create or replace view millrace_v1.state_hours as
  select m.name as machine, from_us(r.start_us) as time,
    (array['UNKNOWN', 'ACTIVE', 'IDLE', 'FAULT', 'OFF'])[u.n] as state,
    u.time_us / 1e6::float8 as seconds,
    case when u.covered_us > 0 and p.sample_type is distinct from sample_type_counter()
      and (r.valid_from <= p.stale_through) is not true
      then tame(tame(u.integral) * watts_per(p.unit)) / 3.6e6 end as kwh,
    case when p.sample_type = sample_type_counter() then 0 when r.valid_from <= p.stale_through
      then null else u.covered_us end / 1e6::float8 as covered_seconds,
    coalesce(silent.us[u.n], 0) / 1e6::float8 as silent_seconds
  from rollup_state r
  join machine m on m.id = r.machine_id
  left join series p on p.machine_id = r.machine_id and p.signal = 'power',
  lateral (
    select case when (select a.minutes from alive_hour a where a.machine_id = r.machine_id
      and a.hour_us = r.start_us
        order by a.valid_from desc limit 1) = (1::bigint << 60) - 1 then null
      else millrace_v1.silent_states(r.machine_id, r.start_us, r.start_us + us_per_hour()) end as us
    offset 0) silent,
  unnest(r.time_us, r.covered_us, r.integral) with ordinality as u(time_us, covered_us, integral, n)
  where r.width_us = us_per_hour() and r.transitions is not null and u.time_us > 0
    and not exists (select from rollup_state n where n.machine_id = r.machine_id
      and n.width_us = r.width_us and n.start_us = r.start_us
      and n.valid_from > r.valid_from)
  union all
  select m.name, h.time, state_name(held.state), 3600::float8, null::float8,
    -- Power that arrived there is of a roll-up that retention has dropped.
    case when p.sample_type = sample_type_counter() then 0::float8
      when p.stale_through is null and not exists (
        select from touched t where t.series_id = p.id and t.width_us = us_per_hour()
          and t.start_us = h.hour_us) then 0::float8 end,
    coalesce((select sum(s.end_us - s.begin_us)
      from millrace_v1.silences_of(m.id, h.hour_us, h.hour_us + us_per_hour()) s), 0)::float8 / 1e6
  from clock_hour h
  cross join machine m
  left join series p on p.machine_id = m.id and p.signal = 'power',
  lateral (
    select c.state, c.time_us from state_change c
    where c.machine_id = m.id and c.time_us < h.hour_us + us_per_hour()
      and c.revision <= (select max(w.revision) from watermark w)
    order by c.time_us desc, c.revision desc, c.position desc limit 1) held
  where h.time <= (select from_us(millrace_v1.history_end() - us_per_hour()))
    and held.time_us <= h.hour_us
    -- One look each; what is not pulled up is done first.
    and not exists (select from rollup_state r where r.machine_id = m.id
      and r.width_us = us_per_hour() and r.start_us = h.hour_us offset 0)
    and not exists (select from rollup_state_due d where d.hour_us = h.hour_us
      and d.machine_id = m.id offset 0);
comment on view millrace_v1.state_hours is
  'Time and energy by state, of hours that are over and rolled up. kwh: of signal power; null '
  'where none was measured in that state or its unit gives no watts';
