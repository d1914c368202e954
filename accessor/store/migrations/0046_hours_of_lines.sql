-- samples_hour is whole as soon as samples are in the history: hours that only a line crosses were
-- looked up by minutes (0024), which are made some days at a time.

-- The hours of the days of kept_minute_day.
create table kept_hour (
  time timestamptz primary key,
  hour_us bigint not null
);
insert into kept_hour (time, hour_us)
  select hour, to_us(hour) from kept_minute_day d, generate_series(d.time, d.time + interval '23 hours', interval '1 hour') hour;
analyze kept_hour;

create function add_kept_hours() returns trigger language plpgsql as $$
begin
  insert into kept_hour (time, hour_us)
    select hour, to_us(hour) from added d, generate_series(d.time, d.time + interval '23 hours', interval '1 hour') hour
    on conflict do nothing;
  if found and (select reltuples <= 0 from pg_class where oid = 'kept_hour'::regclass) then
    analyze kept_hour;
  end if;
  return null;
end $$;
create trigger kept_day_added after insert on kept_minute_day
  referencing new table as added for each statement execute function add_kept_hours();

create function drop_kept_hours() returns trigger language plpgsql as $$
begin
  delete from kept_hour h using gone d where h.time >= d.time and h.time < d.time + interval '24 hours';
  return null;
end $$;
create trigger kept_day_gone after delete on kept_minute_day
  referencing old table as gone for each statement execute function drop_kept_hours();

-- As in 0035. Hours that only a line crosses are looked up by kept_hour.
create or replace view millrace_v1.samples_hour as
  select v.machine, v.signal, v.unit, v.time, v.count, v.min, v.max, v.mean, v.first, v.last,
    case when v.type <> 3 then v.area end as integral, v.covered_seconds,
    case when v.type <> 3 then kwh_of(v.signal, v.unit, v.area, v.covered_seconds) end as kwh,
    case when v.type = 3 and v.covered_seconds > 0 then v.area end as increase,
    case when v.type = 3 and v.covered_seconds > 0 then tame(v.area) / v.covered_seconds end as rate,
    sample_type_name(v.type) as sample_type
  from (
    select m.name as machine, s.signal, s.unit, coalesce(s.sample_type, 1::smallint) as type, from_us(r.hour_us) as time,
      r.count, r.min, r.max, mean_of(tame(r.sum), r.count, r.min, r.max) as mean, r.first, r.last,
      case when s.stale_through is null then tame(r.integral) + head.integral + tail.integral end as area,
      case when s.stale_through is null then (r.covered_us + head.covered_us + tail.covered_us)::float8 / 1e6 end as covered_seconds
    from rollup_hour r
    join series s on s.id = r.series_id
    join machine m on m.id = s.machine_id,
    lateral (
      select
        case when r.first_us - r.hour_us < s.max_gap_us or s.sample_type = 2 then coalesce(
          (select array[n.last_us, n.last] from (
            select * from rollup_hour n where n.series_id = r.series_id and n.hour_us = r.hour_us - 3600000000
            order by n.valid_from desc limit 1) n where n.count is not null),
          millrace_v1.sample_before(r.series_id, r.hour_us, s.max_gap_us)) end as before,
        case
          when s.sample_type = 2 and r.hour_us + 3600000000 <= (select millrace_v1.history_end()) then array[r.hour_us + 3600000000, null]
          when r.hour_us + 3600000000 - r.last_us <= s.max_gap_us then coalesce(
            (select array[n.first_us, n.first] from (
              select * from rollup_hour n where n.series_id = r.series_id and n.hour_us = r.hour_us + 3600000000
              order by n.valid_from desc limit 1) n where n.count is not null),
            millrace_v1.sample_after(r.series_id, r.hour_us + 3600000000, s.max_gap_us),
            case when s.sample_type = 2 then array[(select millrace_v1.history_end()), null] end)
          when s.sample_type = 2 then array[(select millrace_v1.history_end()), null] end as after
      offset 0) beside,
    line_area(beside.before[1]::bigint, beside.before[2], r.first_us, r.first, r.hour_us, r.hour_us + 3600000000,
      s.max_gap_us, s.sample_type) head,
    line_area(r.last_us, r.last, beside.after[1]::bigint, beside.after[2], r.hour_us, r.hour_us + 3600000000,
      s.max_gap_us, s.sample_type) tail
    where r.count is not null
      and not exists (select from rollup_hour n
        where n.series_id = r.series_id and n.hour_us = r.hour_us and n.valid_from > r.valid_from offset 0)
    union all
    select m.name, s.signal, s.unit, coalesce(s.sample_type, 1::smallint), from_us(d.hour_us), j.count, j.min, j.max,
      mean_of(j.sum, j.count, j.min, j.max), j.first, j.last,
      case when s.stale_through is null then j.integral + e.integral end,
      case when s.stale_through is null then (j.covered_us + e.covered_us)::float8 / 1e6 end
    from rollup_due d
    join series s on s.id = d.series_id
    join machine m on m.id = s.machine_id,
    millrace_v1.hour_of_blocks(s.id, d.hour_us, s.max_gap_us, s.sample_type) j,
    millrace_v1.lines_across(
      s.id, s.max_gap_us, s.sample_type, d.hour_us, d.hour_us + 3600000000, j.first_us, j.first, j.last_us, j.last) e
    where (select r.count from rollup_hour r
      where r.series_id = d.series_id and r.hour_us = d.hour_us order by r.valid_from desc limit 1) is null
    union all
    select m.name, s.signal, s.unit, coalesce(s.sample_type, 1::smallint), t.time, 0, null, null, null, null, null,
      e.integral, e.covered_us::float8 / 1e6
    from series s
    join machine m on m.id = s.machine_id,
    kept_hour t,
    millrace_v1.lines_across(
      s.id, s.max_gap_us, s.sample_type, t.hour_us, t.hour_us + 3600000000, null, null, null, null) e
    where s.kind = 3 and (s.max_gap_us > 3600000000 or s.sample_type = 2)
      -- Those that may have such an hour there, and have no sample in it.
      and exists (select from series_day d where d.series_id = s.id and d.time = from_us(floor_to(t.hour_us, 86400000000)) offset 0)
      and not exists (select from rollup_hour r where r.series_id = s.id and r.hour_us = t.hour_us and r.count is not null offset 0)
      and (e.covered_us = 3600000000 or s.sample_type = 2 and e.covered_us > 0)) v;

drop index kept_minute_hour;

-- As in 0041, with these hours.
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
      'rollup_state_due', 'series_day', 'series_day_due', 'kept_minute', 'kept_minute_day', 'alive_hour', 'alive_due', 'clock_hour', 'kept_hour']::regclass[]) t)::bigint, null::bigint
    union all
    select 'state_changes', pg_total_relation_size('state_change'), (select count(*) from state_change)
    union all
    select 'error_reports', pg_total_relation_size('error_report'), (select count(*) from error_report)) parts;
