-- Arithmetic that neither fails nor lies outside of what was measured.

-- PostgreSQL fails where a float8 overflows or underflows. One wild sample must not fail a
-- dashboard, so sums go through this.
create or replace function tame(x float8) returns float8 language sql immutable parallel safe
  return case when abs(x) > 1e300 then x * 'Infinity'::float8 when abs(x) < 1e-290 then 0
    else x end;
comment on function tame is
  'A float8 that PostgreSQL can add and multiply: beyond ±1e300 it is infinite, within ±1e-290 '
  'it is 0';

create or replace function mean_of(p_sum float8, p_count bigint, p_min float8, p_max float8)
returns float8 language sql immutable parallel safe
  return greatest(p_min, least(p_max, p_sum / p_count));
comment on function mean_of is
  'p_sum / p_count, but never outside of p_min and p_max, however the sum was rounded';

create or replace function exactly(x float8) returns numeric language sql immutable parallel safe
  return tame(x)::text::numeric;
comment on function exactly is
  'A float8 as the shortest decimal number that is only this float8, limited as tame() does';

-- As wattsPer() in accessor/history/power-unit.ts.
create or replace function watts_per(unit text) returns float8 language sql immutable parallel safe
  return case when unit = '' then 1 else (
    select f.factor from (values
      ('u', 1e-6::float8), (U&'\00b5', 1e-6), (U&'\03bc', 1e-6), ('m', 1e-3), ('', 1), ('k', 1e3),
        ('K', 1e3), ('M', 1e6), ('G', 1e9), ('T', 1e12)
    ) as f(prefix, factor)
    where unit in (f.prefix || 'W', f.prefix || 'J/s')) end;
comment on function watts_per is
  'Watts of one unit of power, such as 1000 of kW. Null for what is no unit of power; an empty '
  'unit is W';

create or replace function kwh_of(
  signal text, unit text, integral float8, covered_seconds float8
) returns float8 language sql immutable parallel safe
  return
  case when signal = 'power'
    and covered_seconds > 0 then tame(tame(integral) * watts_per(unit)) / 3.6e6 end;
comment on function kwh_of is
  'Energy in kWh of signal power; null for other signals, or where nothing is covered. '
  'integral: of value times seconds';
