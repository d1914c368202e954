-- As in 0031, but days that have not begun come last: a value that holds may reach into tomorrow
-- (0035), and nobody asks for its minutes before those of the samples.
create or replace function make_minutes(p_limit integer) returns integer language plpgsql as $$
declare
  v_days timestamptz[] := array(
    select time from kept_minute_day where not made order by time > clock_timestamp(), time desc limit p_limit);
begin
  insert into kept_minute (time, hour_us)
    select minute, floor_to(to_us(minute), 3600000000)
    from unnest(v_days) day, generate_series(day, day + interval '1439 minutes', interval '1 minute') minute
    on conflict do nothing;
  update kept_minute_day set made = true where time = any (v_days);
  if cardinality(v_days) > 0 and (select reltuples < 0 from pg_class where oid = 'kept_minute'::regclass) then
    analyze kept_minute;
  end if;
  return cardinality(v_days);
end $$;
