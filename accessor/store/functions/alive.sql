-- Signs of life: the minutes of each hour in which anything of a machine arrived.

-- As toleranceUsOf() in accessor/history/silence.ts.
create or replace function silence_tolerance(p_machine integer) returns bigint
language sql stable as $$
  select greatest(10, ceil(max(s.max_gap_us) / us_per_minute()::numeric))::bigint * us_per_minute()
  from series s
  where s.machine_id = p_machine and s.kind = kind_numeric()
    and coalesce(s.sample_type, sample_type_linear()) = sample_type_linear()
$$;
comment on function silence_tolerance is
  'Microseconds that a machine may send nothing before it counts as silent';

create or replace function note_alive(p_to bigint, t_series integer[], t_minute bigint[])
returns void language sql as $$
  insert into alive_hour (valid_from, machine_id, hour_us, minutes, first_minute, last_minute)
    select p_to, new.machine_id, new.hour_us, new.minutes | coalesce(old.minutes, 0),
      least(new.first_minute, old.first_minute), greatest(new.last_minute, old.last_minute)
    from (
      select s.machine_id, h.hour_us, bit_or(1::bigint << m.minute) as minutes,
        min(m.minute)::smallint as first_minute, max(m.minute)::smallint as last_minute
      from unnest(t_series, t_minute) as t(series, minute_us) join series s on s.id = t.series,
        lateral (select floor_to(t.minute_us, us_per_hour())) as h(hour_us),
        lateral (select ((t.minute_us - h.hour_us) / us_per_minute())::integer) as m(minute)
      group by s.machine_id, h.hour_us) new
    left join lateral (
      select a.minutes, a.first_minute, a.last_minute from alive_hour a
      where a.machine_id = new.machine_id and a.hour_us = new.hour_us
        order by a.valid_from desc limit 1) old on true
    where new.minutes & ~coalesce(old.minutes, 0) <> 0;
$$;
comment on function note_alive is 'In a step: notes the minutes of series in which records arrived';

-- From what compaction noted in table touched, and from both ends of blocks that are older than
-- that.
create or replace function note_alive_day(p_machine integer, p_day bigint) returns void
language plpgsql as $$
declare
  v_kept bigint := (select min(revision) from watermark);
  v_through bigint := (select max(revision) from watermark);
  v_blocks bigint[];
  v_hour record;
begin
  execute format('select array_agg(distinct minute) from series s
      join block b on b.series_id = s.id,
      generate_series(floor_to(b.first_us, us_per_minute()), floor_to(b.last_us, us_per_minute()),
        us_per_minute()) minute
    where s.machine_id = %s and b.bucket_us >= %s and b.bucket_us < %s
      and not exists (select from block_end e where e.block_id = b.block_id offset 0)
      and not exists (select from touched t where t.series_id = b.series_id
        and t.width_us = us_per_hour()
        and t.start_us = floor_to(b.bucket_us, us_per_hour()) offset 0)',
    p_machine, p_day, p_day + us_per_day()) into v_blocks;
  for v_hour in
    select h.hour_us, bit_or(1::bigint << m.minute) as minutes, min(m.minute)::smallint as first,
      max(m.minute)::smallint as last
    from (
      select t.start_us from series s join touched t on t.series_id = s.id
        and t.width_us = us_per_minute()
      where s.machine_id = p_machine and t.start_us >= p_day and t.start_us < p_day + us_per_day()
      union
      select floor_to(c.time_us, us_per_minute()) from state_change c
      where c.machine_id = p_machine and c.time_us >= p_day and c.time_us < p_day + us_per_day()
        and c.revision <= v_through
      union
      select floor_to(r.time_us, us_per_minute()) from error_report r
      where r.machine_id = p_machine and r.time_us >= p_day and r.time_us < p_day + us_per_day()
        and r.revision <= v_through
      union
      select minute from unnest(v_blocks) minute) t(minute_us),
      lateral (select floor_to(t.minute_us, us_per_hour())) as h(hour_us),
      lateral (select ((t.minute_us - h.hour_us) / us_per_minute())::integer) as m(minute)
    group by h.hour_us
  loop
    -- What steps have written since holds these minutes too.
    update alive_hour set minutes = minutes | v_hour.minutes,
      first_minute = least(first_minute, v_hour.first),
      last_minute = greatest(last_minute, v_hour.last)
      where machine_id = p_machine and hour_us = v_hour.hour_us;
    if not exists (select from alive_hour where machine_id = p_machine and hour_us = v_hour.hour_us
      and valid_from <= v_kept) then
      insert into alive_hour (valid_from, machine_id, hour_us, minutes, first_minute, last_minute)
        values (0, p_machine, v_hour.hour_us, v_hour.minutes, v_hour.first, v_hour.last);
    end if;
  end loop;
end $$;
comment on function note_alive_day is
  'Notes the minutes of one UTC day of a machine that is older than table alive_hour';

create or replace function note_alive_before(p_limit integer) returns integer language plpgsql as $$
declare
  v_due record;
  v_day bigint;
  v_looked integer := 0;
begin
  -- A step must not write another version of an hour meanwhile.
  lock table compaction_lock in exclusive mode;
  while v_looked < p_limit loop
    select d.machine_id, d.before_us into v_due from alive_due d
      -- Days of blocks are known once these are done.
      where not exists (select from series_day_due q join series s on s.id = q.series_id
        where s.machine_id = d.machine_id)
      order by d.before_us desc, d.machine_id limit 1;
    exit when not found;
    v_looked := v_looked + 1;
    select max(day) into v_day from (
      select (select max(t.start_us) from touched t
        where t.series_id = s.id and t.width_us = us_per_day()
          and t.start_us < v_due.before_us) as day
      from series s where s.machine_id = v_due.machine_id
      union all
      select (select to_us(max(d.time)) from series_day d where d.series_id = s.id
        and d.time < from_us(v_due.before_us))
      from series s where s.machine_id = v_due.machine_id
      union all
      select floor_to(max(c.time_us), us_per_day()) from state_change c
        where c.machine_id = v_due.machine_id and c.time_us < v_due.before_us
      union all
      select floor_to(max(r.time_us), us_per_day()) from error_report r
        where r.machine_id = v_due.machine_id and r.time_us < v_due.before_us) days;
    if v_day is null then
      delete from alive_due where machine_id = v_due.machine_id;
    else
      perform note_alive_day(v_due.machine_id, v_day);
      update alive_due set before_us = v_day where machine_id = v_due.machine_id;
    end if;
  end loop;
  return v_looked;
end $$;
comment on function note_alive_before is
  'Notes days of machines that are older than table alive_hour, the newest first. Returns how '
  'many it looked at';

-- By machine, as the index is.
create or replace function drop_alive_before(p_before bigint, p_limit integer) returns integer
language plpgsql as $$
declare
  v_id integer;
  v_dropped integer := 0;
  v_rows integer;
begin
  for v_id in select id from machine loop
    delete from alive_hour a using (
        select hour_us, valid_from from alive_hour
        where machine_id = v_id and hour_us < p_before - us_per_hour()
          order by hour_us limit p_limit - v_dropped) old
      where a.machine_id = v_id and a.hour_us = old.hour_us and a.valid_from = old.valid_from;
    get diagnostics v_rows = row_count;
    v_dropped := v_dropped + v_rows;
    exit when v_dropped >= p_limit;
  end loop;
  return v_dropped;
end $$;
comment on function drop_alive_before is
  'Retention: drops p_limit rows at most that are older than p_before. Returns how many';
