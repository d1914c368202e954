-- Energy in the unit that power has: as wattsPer() in accessor/history/power-unit.ts. Null for what is no unit of power.
create function watts_per(unit text) returns float8 language sql immutable parallel safe
  return case when unit = '' then 1 else (
    select f.factor from (values
      ('u', 1e-6::float8), (U&'\00b5', 1e-6), (U&'\03bc', 1e-6), ('m', 1e-3), ('', 1), ('k', 1e3), ('K', 1e3), ('M', 1e6), ('G', 1e9), ('T', 1e12)
    ) as f(prefix, factor)
    where unit in (f.prefix || 'W', f.prefix || 'J/s')) end;

create or replace view millrace_v1.state_hours as
  select m.name as machine, from_us(r.start_us) as time, (array['UNKNOWN', 'ACTIVE', 'IDLE', 'FAULT', 'OFF'])[u.n] as state,
    u.time_us / 1e6::float8 as seconds,
    case when u.covered_us > 0 then tame(tame(u.integral) * watts_per(p.unit)) / 3.6e6 end as kwh,
    u.covered_us / 1e6::float8 as covered_seconds
  from rollup_state r
  join machine m on m.id = r.machine_id
  left join series p on p.machine_id = r.machine_id and p.signal = 'power',
  unnest(r.time_us, r.covered_us, r.integral) with ordinality as u(time_us, covered_us, integral, n)
  where r.width_us = 3600000000 and r.transitions is not null and u.time_us > 0
    and not exists (select from rollup_state n where n.machine_id = r.machine_id and n.width_us = r.width_us and n.start_us = r.start_us
      and n.valid_from > r.valid_from);
comment on view millrace_v1.state_hours is
  'Time and energy by state, of hours that are over and rolled up. kwh: of signal power; null where none was measured in that state or its unit gives no watts';
