-- Local days, weeks and shifts.

-- In the forms that Intl accepts in Node: hours with or without minutes, below 24 hours.
create or replace function offset_of_zone(p_zone text) returns bigint
language sql immutable parallel safe
begin atomic
  select case
    when p_zone ~ '^[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?$' then
      (case when left(p_zone, 1) = '-' then -1 else 1 end)
      * (substr(p_zone, 2, 2)::bigint * us_per_hour()
        + coalesce(nullif(right(replace(substr(p_zone, 4), ':', ''), 2), ''),
          '0')::bigint * us_per_minute())
    end;
end;
comment on function offset_of_zone is
  'Microseconds that a fixed offset such as +05:30 is ahead of UTC. Null: it is the name of a '
  'zone';

create or replace function hint_on_zone(p_zone text) returns text
language sql immutable parallel safe
begin atomic
  select case
    when p_zone ~ '^\s*[+-]?[0-9]'
      then 'An offset from UTC is a sign, two digits of hours and two of minutes, '
        'such as +05:30 or -03:30.'
    when p_zone ~ '^[A-Za-z][A-Za-z0-9_+/-]*$'
      then 'If the zone has that name, ask for it once over HTTP: '
        'GET /signals/state/buckets?from=-1d&days='
      || replace(p_zone, '+', '%2B')
    else 'Zones have names such as Europe/Berlin, Etc/GMT+5 or UTC, or are an offset from UTC, '
      'such as +05:30.'
    end;
end;
comment on function hint_on_zone is 'What to do about a zone whose clocks are not kept';

create or replace function refuse_calendar(message text, hint text) returns boolean
language plpgsql stable as $$
begin
  raise exception using errcode = 'invalid_parameter_value', message = message, hint = hint;
end $$;
comment on function refuse_calendar is 'Fails with invalid_parameter_value';

create or replace function keep_zone_clock(
  p_zone text, p_version text, p_from bigint[], p_to bigint[], p_offset bigint[]
) returns void language plpgsql as $$
begin
  -- Two accessors may be at it at once. A lock that no reader can take.
  lock table zone_clock in share row exclusive mode;
  if exists (select from zone_clock where zone = p_zone and version >= p_version) then
    return;
  end if;
  delete from zone_clock where zone = p_zone;
  insert into zone_clock (zone, from_us, to_us, offset_us, version)
  select p_zone, f, t, o, p_version from unnest(p_from, p_to, p_offset) as s(f, t, o);
end $$;
comment on function keep_zone_clock is
  'Keeps the clocks of a zone: from when to when they are so many microseconds ahead of UTC. '
  'Nothing if they are as new already';

create or replace function millrace_v1.calendar(
  p_zone text, p_unit text, p_from timestamptz, p_to timestamptz,
  p_starts time[] default '{00:00}'
) returns table (start_time timestamptz, end_time timestamptz, local_start timestamp)
language sql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp rows 100
begin atomic
  with
    clock as materialized (
      select c.from_us, c.to_us, c.offset_us from zone_clock c where c.zone = lower(p_zone)
      union all
      select earliest_us(), latest_us(), offset_of_zone(p_zone)
        where offset_of_zone(p_zone) is not null),
    span as materialized (
      select case when isfinite(p_from) then to_us(p_from) end as from_us,
        case when isfinite(p_to) then to_us(p_to) end as to_us,
        case p_unit when 'shift' then 'day' else p_unit end as unit,
        case p_unit when 'week' then interval '7 days' when 'month'
          then interval '1 month' when 'quarter' then interval '3 months'
          when 'year' then interval '1 year' else interval '1 day' end as step
      where p_from < p_to and case
        when not isfinite(p_from) or not isfinite(p_to) then
          refuse_calendar('p_from and p_to need to be finite',
            'Give a range that ends, such as up to now().')
        when not exists (select from clock) then
          refuse_calendar(format('the clocks of time zone "%s" are not kept here', p_zone),
            hint_on_zone(p_zone))
        when p_unit is null
          or p_unit not in ('shift', 'day', 'week', 'month', 'quarter', 'year') then
          refuse_calendar(format('"%s" is no unit', p_unit),
            'Units are shift, day, week, month, quarter, year.')
        when cardinality(p_starts) = 0 or (p_unit <> 'shift' and cardinality(p_starts) <> 1) then
          refuse_calendar('p_starts needs one time of day',
            'Of shifts, it needs the time at which each begins.')
        else true end),
    -- As local times, in which a day has 24 hours.
    local_span as materialized (
      select s.*,
        (timestamp 'epoch' + (s.from_us + a.offset_us) * interval '1 microsecond') as local_from,
        (timestamp 'epoch' + (s.to_us + b.offset_us) * interval '1 microsecond') as local_to
      from span s
      join clock a on a.from_us <= s.from_us and a.to_us > s.from_us
      join clock b on b.from_us <= s.to_us and b.to_us > s.to_us),
    wanted as (
      select distinct to_us((day + start) at time zone 'UTC') as local_us
      from local_span s,
        -- Clocks that go back by the end have shown later times before; by a day at most.
        generate_series(date_trunc(s.unit, s.local_from), s.local_to + interval '1 day',
          s.step) as day,
        unnest(p_starts) as start),
    -- Each unit begins at the first instant at which clocks show its start or a later time.
    begun as (
      select distinct (select min(greatest(w.local_us - c.offset_us, c.from_us)) from clock c
        where greatest(w.local_us - c.offset_us, c.from_us) < c.to_us) as us
      from wanted w),
    edge as (
      select from_us as us from span
      union
      select b.us from begun b, span s where b.us > s.from_us and b.us < s.to_us)
  select from_us(e.us), from_us(coalesce(lead(e.us) over (order by e.us), s.to_us)),
    timestamp 'epoch' + (e.us + c.offset_us) * interval '1 microsecond'
  from edge e, span s, clock c
  where c.from_us <= e.us and c.to_us > e.us
  order by e.us;
end;
comment on function millrace_v1.calendar is
  'Where shifts, days, weeks, months, quarters or years begin in a time zone, as REST and gRPC '
  'cut them: p_from to p_to, cut at each';
