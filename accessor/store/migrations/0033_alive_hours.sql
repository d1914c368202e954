-- In which minutes a machine gave a sign of life: what its silences are made of. A minute is alive
-- if a record of any signal of the machine lies in it.

-- minutes: bit i (from the lowest) for minute i of the hour; first_minute, last_minute: the lowest and
-- the highest of them. Versioned as rollup_hour is: the row with the greatest valid_from <= W counts.
-- Each version holds all minutes of those before it. An hour without a row has no minute.
create table alive_hour (
  hour_us bigint not null,
  valid_from bigint not null,
  minutes bigint not null,
  machine_id integer not null,
  first_minute smallint not null,
  last_minute smallint not null,
  primary key (machine_id, hour_us, valid_from)
);
-- What a tidy looks at: versions that are new since the last one.
create index alive_hour_from on alive_hour (valid_from);

-- Machines whose hours before before_us are not in it yet: those of a database that is older than the
-- table. Until they are, nobody calls the machine silent there.
create table alive_due (
  machine_id integer primary key,
  before_us bigint not null default 9007199254740991
);
insert into alive_due (machine_id) select id from machine;

-- Minutes of series in which records arrived, within a step.
create function note_alive(p_to bigint, t_series integer[], t_minute bigint[]) returns void language sql as $$
  insert into alive_hour (valid_from, machine_id, hour_us, minutes, first_minute, last_minute)
    select p_to, new.machine_id, new.hour_us, new.minutes | coalesce(old.minutes, 0),
      least(new.first_minute, old.first_minute), greatest(new.last_minute, old.last_minute)
    from (
      select s.machine_id, h.hour_us, bit_or(1::bigint << m.minute) as minutes,
        min(m.minute)::smallint as first_minute, max(m.minute)::smallint as last_minute
      from unnest(t_series, t_minute) as t(series, minute_us) join series s on s.id = t.series,
        lateral (select floor_to(t.minute_us, 3600000000)) as h(hour_us),
        lateral (select ((t.minute_us - h.hour_us) / 60000000)::integer) as m(minute)
      group by s.machine_id, h.hour_us) new
    left join lateral (
      select a.minutes, a.first_minute, a.last_minute from alive_hour a
      where a.machine_id = new.machine_id and a.hour_us = new.hour_us order by a.valid_from desc limit 1) old on true
    where new.minutes & ~coalesce(old.minutes, 0) <> 0;
$$;

-- Of a machine of before, the minutes of one day of UTC: from what compaction noted (0012), and from
-- the ends of blocks that are older than that.
create function note_alive_day(p_machine integer, p_day bigint) returns void language plpgsql as $$
declare
  v_kept bigint := (select min(revision) from watermark);
  v_through bigint := (select max(revision) from watermark);
  v_blocks bigint[];
  v_hour record;
begin
  execute format('select array_agg(distinct minute) from series s
      join block b on b.series_id = s.id,
      generate_series(floor_to(b.first_us, 60000000), floor_to(b.last_us, 60000000), 60000000) minute
    where s.machine_id = %s and b.bucket_us >= %s and b.bucket_us < %s
      and not exists (select from block_end e where e.block_id = b.block_id offset 0)
      and not exists (select from touched t where t.series_id = b.series_id and t.width_us = 3600000000
        and t.start_us = floor_to(b.bucket_us, 3600000000) offset 0)', p_machine, p_day, p_day + 86400000000) into v_blocks;
  for v_hour in
    select h.hour_us, bit_or(1::bigint << m.minute) as minutes, min(m.minute)::smallint as first, max(m.minute)::smallint as last
    from (
      select t.start_us from series s join touched t on t.series_id = s.id and t.width_us = 60000000
      where s.machine_id = p_machine and t.start_us >= p_day and t.start_us < p_day + 86400000000
      union
      select floor_to(c.time_us, 60000000) from state_change c
      where c.machine_id = p_machine and c.time_us >= p_day and c.time_us < p_day + 86400000000 and c.revision <= v_through
      union
      select floor_to(r.time_us, 60000000) from error_report r
      where r.machine_id = p_machine and r.time_us >= p_day and r.time_us < p_day + 86400000000 and r.revision <= v_through
      union
      select minute from unnest(v_blocks) minute) t(minute_us),
      lateral (select floor_to(t.minute_us, 3600000000)) as h(hour_us),
      lateral (select ((t.minute_us - h.hour_us) / 60000000)::integer) as m(minute)
    group by h.hour_us
  loop
    -- What steps have written since holds these minutes too.
    update alive_hour set minutes = minutes | v_hour.minutes,
      first_minute = least(first_minute, v_hour.first), last_minute = greatest(last_minute, v_hour.last)
      where machine_id = p_machine and hour_us = v_hour.hour_us;
    if not exists (select from alive_hour where machine_id = p_machine and hour_us = v_hour.hour_us and valid_from <= v_kept) then
      insert into alive_hour (valid_from, machine_id, hour_us, minutes, first_minute, last_minute)
        values (0, p_machine, v_hour.hour_us, v_hour.minutes, v_hour.first, v_hour.last);
    end if;
  end loop;
end $$;

-- Does some days of machines of before, the newest first. Answers how many it has looked at.
create function note_alive_before(p_limit integer) returns integer language plpgsql as $$
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
      where not exists (select from series_day_due q join series s on s.id = q.series_id where s.machine_id = d.machine_id)
      order by d.before_us desc, d.machine_id limit 1;
    exit when not found;
    v_looked := v_looked + 1;
    select max(day) into v_day from (
      select (select max(t.start_us) from touched t
        where t.series_id = s.id and t.width_us = 86400000000 and t.start_us < v_due.before_us) as day
      from series s where s.machine_id = v_due.machine_id
      union all
      select (select to_us(max(d.time)) from series_day d where d.series_id = s.id and d.time < from_us(v_due.before_us))
      from series s where s.machine_id = v_due.machine_id
      union all
      select floor_to(max(c.time_us), 86400000000) from state_change c
        where c.machine_id = v_due.machine_id and c.time_us < v_due.before_us
      union all
      select floor_to(max(r.time_us), 86400000000) from error_report r
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

-- Retention, at most p_limit rows; answers how many went. By machine, as the index is.
create function drop_alive_before(p_before bigint, p_limit integer) returns integer language plpgsql as $$
declare
  v_id integer;
  v_dropped integer := 0;
  v_rows integer;
begin
  for v_id in select id from machine loop
    delete from alive_hour a using (
        select hour_us, valid_from from alive_hour
        where machine_id = v_id and hour_us < p_before - 3600000000 order by hour_us limit p_limit - v_dropped) old
      where a.machine_id = v_id and a.hour_us = old.hour_us and a.valid_from = old.valid_from;
    get diagnostics v_rows = row_count;
    v_dropped := v_dropped + v_rows;
    exit when v_dropped >= p_limit;
  end loop;
  return v_dropped;
end $$;

-- As in 0015, with the hours of signs of life.
create or replace function drop_superseded(p_age_ms bigint, p_limit integer default 2147483647, out passed bigint, out blocks integer)
language plpgsql as $$
declare
  v_ended record;
  v_rolled_up bigint;
begin
  select coalesce(max(revision), 0) into passed from watermark
    where compacted_at < clock_timestamp() - p_age_ms * interval '1 millisecond';
  delete from watermark where revision < passed;

  blocks := 0;
  for v_ended in
    select week, array_agg(block_id) as ids from (
      select block_id, floor(bucket_us::numeric / 604800000000)::bigint * 604800000000 as week
      from block_end where ended_at <= passed order by ended_at limit p_limit) ended
    group by week order by week limit 64
  loop
    execute format('delete from block b using block_end e
      where e.block_id = any($1) and b.series_id = e.series_id and b.bucket_us = e.bucket_us and b.block_id = e.block_id
        and b.bucket_us >= %s and b.bucket_us < %s', v_ended.week, v_ended.week + 604800000000) using v_ended.ids;
    delete from block_end where block_id = any(v_ended.ids);
    blocks := blocks + cardinality(v_ended.ids);
  end loop;

  select rollups_through into strict v_rolled_up from tidied for update;
  delete from rollup_hour r using rollup_hour n
    where n.valid_from > v_rolled_up and n.valid_from <= passed
      and r.series_id = n.series_id and r.hour_us = n.hour_us and r.valid_from < n.valid_from;
  delete from rollup_state r using rollup_state n
    where n.valid_from > v_rolled_up and n.valid_from <= passed
      and r.machine_id = n.machine_id and r.width_us = n.width_us and r.start_us = n.start_us and r.valid_from < n.valid_from;
  delete from alive_hour a using alive_hour n
    where n.valid_from > v_rolled_up and n.valid_from <= passed
      and a.machine_id = n.machine_id and a.hour_us = n.hour_us and a.valid_from < n.valid_from;
  update tidied set rollups_through = passed where rollups_through < passed;
end $$;

-- As in 0024, with these tables.
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
      'rollup_state_due', 'series_day', 'series_day_due', 'kept_minute', 'kept_minute_day', 'alive_hour', 'alive_due']::regclass[]) t)::bigint, null::bigint
    union all
    select 'state_changes', pg_total_relation_size('state_change'), (select count(*) from state_change)
    union all
    select 'error_reports', pg_total_relation_size('error_report'), (select count(*) from error_report)) parts;
