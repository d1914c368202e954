-- What the summary views look up by index: days, hours and minutes.

-- A value of a step may hold into the day after.
create or replace function note_days(d_series integer[], d_time timestamptz[]) returns void
language plpgsql as $$
begin
  insert into series_day (series_id, time)
    select distinct d.series_id, d.time + day.n * interval '24 hours'
    from unnest(d_series, d_time) d(series_id, time) join series s on s.id = d.series_id,
      generate_series(0, case when s.sample_type = sample_type_step() then 1 else 0 end) day(n)
    order by 1, 2
    on conflict do nothing;
  insert into kept_minute_day (time)
    select distinct d.time + day.n * interval '24 hours'
    from unnest(d_series, d_time) d(series_id, time) join series s on s.id = d.series_id,
      generate_series(0, case when s.sample_type = sample_type_step() then 1 else 0 end) day(n)
    where is_kept_by_hour(s) or s.sample_type = sample_type_step()
    on conflict do nothing;
  -- A new day's minutes come with its first samples; of many days at once, the rest follows.
  perform make_minutes(2);
end $$;
comment on function note_days is
  'Notes UTC days in which series have samples, and makes their minutes';

create or replace function note_days_again() returns trigger language plpgsql as $$
begin
  insert into series_day_due (series_id) values (new.id) on conflict do nothing;
  return null;
end $$;
comment on function note_days_again is
  'Trigger: the days of a series are to be found again, since its declaration changed';

create or replace function note_days_before(p_limit integer) returns integer language plpgsql as $$
declare
  v_series integer[] := array(
    select series_id from series_day_due order by series_id limit p_limit);
begin
  perform note_days(array_agg(day.series), array_agg(from_us(day.us)))
    from (
      select r.series_id as series, floor_to(r.hour_us, us_per_day()) as us from rollup_hour r
        where r.series_id = any (v_series)
      union
      select d.series_id, floor_to(d.hour_us, us_per_day()) from rollup_due d
        where d.series_id = any (v_series)) day;
  delete from series_day_due where series_id = any (v_series);
  return cardinality(v_series);
end $$;
comment on function note_days_before is
  'Finds the days of some series that are older than table series_day. Returns how many series '
  'those were';

create or replace function drop_days_before(p_before bigint, p_limit integer) returns integer
language sql as $$
  with gone as (
    delete from series_day where (series_id, time) in (
      select series_id, time from series_day
        where time < from_us(p_before) - interval '1 day' limit p_limit)
    returning 1)
  select count(*)::int4 from gone;
$$;
comment on function drop_days_before is
  'Retention: drops p_limit days at most that are over before p_before. Returns how many';

-- Days that have not begun come last: a value that holds may reach into tomorrow, and nobody asks
-- for its minutes before those of the samples.
create or replace function make_minutes(p_limit integer) returns integer language plpgsql as $$
declare
  v_days timestamptz[] := array(
    select time from kept_minute_day where not made
    order by time > clock_timestamp(), time desc limit p_limit);
begin
  insert into kept_minute (time, hour_us)
    select minute, floor_to(to_us(minute), us_per_hour())
    from unnest(v_days) day,
      generate_series(day, day + interval '1439 minutes', interval '1 minute') minute
    on conflict do nothing;
  update kept_minute_day set made = true where time = any (v_days);
  if cardinality(v_days) > 0
    and (select reltuples < 0 from pg_class where oid = 'kept_minute'::regclass) then
    analyze kept_minute;
  end if;
  return cardinality(v_days);
end $$;
comment on function make_minutes is
  'Makes the minutes of p_limit days at most, the newest first. Returns of how many days';

create or replace function drop_minutes_before(p_before bigint, p_limit integer) returns integer
language sql as $$
  delete from kept_minute_day where time < from_us(p_before) - interval '1 day';
  with gone as (
    delete from kept_minute where time in (
      select time from kept_minute where time < from_us(p_before) - interval '1 day'
        order by time limit p_limit)
    returning 1)
  select count(*)::int4 from gone;
$$;
comment on function drop_minutes_before is
  'Retention: drops p_limit minutes at most that are over before p_before. Returns how many';

create or replace function add_kept_hours() returns trigger language plpgsql as $$
begin
  insert into kept_hour (time, hour_us)
    select hour, to_us(hour) from added d,
      generate_series(d.time, d.time + interval '23 hours', interval '1 hour') hour
    on conflict do nothing;
  if found and (select reltuples <= 0 from pg_class where oid = 'kept_hour'::regclass) then
    analyze kept_hour;
  end if;
  return null;
end $$;
comment on function add_kept_hours is 'Trigger: adds the hours of days that are added';

create or replace function drop_kept_hours() returns trigger language plpgsql as $$
begin
  delete from kept_hour h using gone d
    where h.time >= d.time and h.time < d.time + interval '24 hours';
  return null;
end $$;
comment on function drop_kept_hours is 'Trigger: drops the hours of days that are dropped';

-- No clock has shown hours before 1970.
create or replace function make_clock_hours(p_limit integer) returns integer language plpgsql as $$
declare
  v_first bigint := (
    select floor_to(greatest(c.time_us, 0), us_per_hour()) from state_change c
      order by c.time_us limit 1);
  v_end bigint := floor_to(to_us(clock_timestamp()), us_per_day()) + 2 * us_per_day();
  v_bottom bigint;
  v_top bigint;
  v_later bigint;
  v_earlier bigint;
begin
  if v_first is null then
    return 0;
  end if;
  delete from clock_hour where time < from_us(v_first);
  select coalesce(to_us(min(c.time)), v_end), coalesce(to_us(max(c.time)) + us_per_hour(), v_end)
    into v_bottom, v_top from clock_hour c;
  v_later := least(greatest((v_end - v_top) / us_per_hour(), 0), p_limit);
  v_earlier := least(greatest((v_bottom - v_first) / us_per_hour(), 0), p_limit - v_later);
  insert into clock_hour (time, hour_us)
    select from_us(made.us), made.us
    from (
      select v_top + n * us_per_hour() from generate_series(0, v_later - 1) n
      union all
      select v_bottom - n * us_per_hour() from generate_series(1, v_earlier) n) made(us)
    on conflict do nothing;
  if v_later + v_earlier > 0
    and (select reltuples < 0 from pg_class where oid = 'clock_hour'::regclass) then
    analyze clock_hour;
  end if;
  return v_later + v_earlier;
end $$;
comment on function make_clock_hours is
  'Makes p_limit missing hours at most, the newest first, and drops those before the first '
  'change of a state. Returns how many it made';
