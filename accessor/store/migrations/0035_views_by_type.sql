-- The summary views by the type of a series' samples: what they show of it, and the minutes, hours
-- and days that only a value covers which was sent before and holds.

-- Such a minute may be of the day after. As in 0028.
create or replace function note_days(d_series integer[], d_time timestamptz[]) returns void language plpgsql as $$
begin
  insert into series_day (series_id, time)
    select distinct d.series_id, d.time + day.n * interval '24 hours'
    from unnest(d_series, d_time) d(series_id, time) join series s on s.id = d.series_id,
      generate_series(0, case when s.sample_type = 2 then 1 else 0 end) day(n)
    order by 1, 2
    on conflict do nothing;
  insert into kept_minute_day (time)
    select distinct d.time + day.n * interval '24 hours'
    from unnest(d_series, d_time) d(series_id, time) join series s on s.id = d.series_id,
      generate_series(0, case when s.sample_type = 2 then 1 else 0 end) day(n)
    where is_kept_by_hour(s) or s.sample_type = 2
    on conflict do nothing;
  -- A new day's minutes come with its first samples; of many days at once, the rest follows.
  perform make_minutes(2);
end $$;

alter function note_changed_gap() rename to note_days_again;
drop trigger series_gap_changed on series;
create trigger series_declaration_changed after update of max_gap_us, sample_type on series
  for each row when (old.max_gap_us is distinct from new.max_gap_us or old.sample_type is distinct from new.sample_type)
  execute function note_days_again();
insert into series_day_due (series_id) select id from series where sample_type = 2 on conflict do nothing;

-- As in 0028. Sums that are of an earlier declaration (stale_through) are nobody's: they are null
-- until they are calculated anew. What of them comes from samples is right.
create or replace view millrace_v1.samples_minute as
  select v.machine, v.signal, v.unit, v.time, v.count, v.min, v.max, v.mean, v.first, v.last,
    case when v.type <> 3 then v.area end as integral, v.covered_seconds,
    case when v.type <> 3 then kwh_of(v.signal, v.unit, v.area, v.covered_seconds) end as kwh,
    case when v.type = 3 and v.covered_seconds > 0 then v.area end as increase,
    case when v.type = 3 and v.covered_seconds > 0 then tame(v.area) / v.covered_seconds end as rate,
    sample_type_name(v.type) as sample_type
  from (
    select m.name as machine, s.signal, s.unit, coalesce(s.sample_type, 1::smallint) as type, j.time, j.count, j.min, j.max,
      mean_of(j.sum, j.count, j.min, j.max) as mean, j.first, j.last,
      case when s.stale_through is null then j.integral + head.integral + tail.integral end as area,
      case when s.stale_through is null then (j.covered_us + head.covered_us + tail.covered_us)::float8 / 1e6 end as covered_seconds
    from series s
    join machine m on m.id = s.machine_id,
    lateral (
      select p.time, min(p.bucket_us) as bucket_us, min(p.first_us) as first_us, max(p.last_us) as last_us,
        sum(p.count) as count, min(p.min) as min, max(p.max) as max, sum(tame(p.sum)) as sum,
        min(p.first) filter (where p.before_us is null) as first, min(p.last) filter (where p.after_us is null) as last,
        sum(tame(p.integral) + l.integral) as integral, (sum(p.covered_us) + sum(l.covered_us))::bigint as covered_us
      from (
        select b.*, from_us(b.bucket_us) as time,
          lag(b.last_us) over w as before_us, lag(b.last) over w as before, lead(b.first_us) over w as after_us
        from block b
        where b.series_id = s.id and not exists (select from block_end e where e.block_id = b.block_id offset 0)
        window w as (partition by from_us(b.bucket_us) order by b.first_us, b.last_us, b.block_id)) p,
      line_area(p.before_us, p.before, p.first_us, p.first, p.before_us, p.first_us, s.max_gap_us, s.sample_type) l
      group by p.time) j,
    lateral (
      -- The neighbours: {first_us, last_us, block_id, value} sorts as blocks do.
      select max(array[b.first_us, b.last_us, b.block_id, b.last]) filter (where b.bucket_us < j.bucket_us) as before,
        min(array[b.first_us, b.last_us, b.block_id, b.first]) filter (where b.bucket_us > j.bucket_us) as after,
        case when s.sample_type = 2 then (select millrace_v1.history_end()) end as end_us
      from block b
      where b.series_id = s.id and b.bucket_us >= j.bucket_us - 60000000 and b.bucket_us <= j.bucket_us + 60000000
        and not exists (select from block_end e where e.block_id = b.block_id offset 0)) beside,
    line_area(beside.before[2]::bigint, beside.before[4], j.first_us, j.first, j.bucket_us, j.bucket_us + 60000000,
      s.max_gap_us, s.sample_type) head,
    line_area(j.last_us, j.last, coalesce(beside.after[1]::bigint, beside.end_us), beside.after[4],
      j.bucket_us, j.bucket_us + 60000000, s.max_gap_us, s.sample_type) tail
    where s.kind = 3 and not is_kept_by_hour(s)
    union all
    select m.name, s.signal, s.unit, coalesce(s.sample_type, 1::smallint), j.time, j.count, j.min, j.max,
      mean_of(j.sum, nullif(j.count, 0), j.min, j.max), j.first, j.last, j.integral, j.covered_us::float8 / 1e6
    from series s
    join machine m on m.id = s.machine_id,
    lateral (
      select distinct on (t.time) t.time, h.*
      from kept_minute t
      left join lateral (
        select * from millrace_v1.minutes_of_hour(s.id, t.hour_us, s.max_gap_us, s.sample_type, is_kept_by_hour(s)) offset 0) h on true
      where coalesce(h.minute = t.time, false)
      order by t.time) j
    where s.kind = 3 and (is_kept_by_hour(s) or s.sample_type = 2)) v;

-- As in 0026. The last value of an hour holds to its end if the history goes on that far.
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
    kept_minute t,
    millrace_v1.lines_across(
      s.id, s.max_gap_us, s.sample_type, t.hour_us, t.hour_us + 3600000000, null, null, null, null) e
    where s.kind = 3 and (s.max_gap_us > 3600000000 or s.sample_type = 2) and to_us(t.time) = t.hour_us
      -- Those that may have such an hour there, and have no sample in it.
      and exists (select from series_day d where d.series_id = s.id and d.time = from_us(floor_to(t.hour_us, 86400000000)) offset 0)
      and not exists (select from rollup_hour r where r.series_id = s.id and r.hour_us = t.hour_us and r.count is not null offset 0)
      and (e.covered_us = 3600000000 or s.sample_type = 2 and e.covered_us > 0)) v;

-- As in 0026.
create or replace view millrace_v1.samples_day as
  select v.machine, v.signal, v.unit, v.time, v.count, v.min, v.max, v.mean, v.first, v.last,
    case when v.type <> 3 then v.area end as integral, v.covered_seconds,
    case when v.type <> 3 then kwh_of(v.signal, v.unit, v.area, v.covered_seconds) end as kwh,
    case when v.type = 3 and v.covered_seconds > 0 then v.area end as increase,
    case when v.type = 3 and v.covered_seconds > 0 then tame(v.area) / v.covered_seconds end as rate,
    sample_type_name(v.type) as sample_type
  from (
    select m.name as machine, s.signal, s.unit, coalesce(s.sample_type, 1::smallint) as type, d.time, j.count, j.min, j.max,
      mean_of(j.sum, nullif(j.count, 0), j.min, j.max) as mean, j.first, j.last,
      case when s.stale_through is null then j.integral end as area,
      case when s.stale_through is null then j.covered_us::float8 / 1e6 end as covered_seconds
    from series_day d
    join series s on s.id = d.series_id
    join machine m on m.id = s.machine_id,
    millrace_v1.day_of(s.id, to_us(d.time), s.max_gap_us, s.sample_type) j) v;

-- As in 0030, with the type.
create or replace view millrace_v1.signals as
  select m.name as machine, s.signal, coalesce((array['STATE', 'EVENT', 'NUMERIC'])[s.kind], 'UNKNOWN') as kind, s.unit,
    s.max_gap_us / 1e6::float8 as max_gap_seconds,
    case when s.kind <> 3 then null when is_kept_by_hour(s) then 3600 else 60 end as bucket_seconds,
    case when s.kind = 3 then s.learned_us is not null end as max_gap_inferred,
    case when s.kind = 3 then sample_type_name(s.sample_type) end as sample_type
  from series s join machine m on m.id = s.machine_id;

-- As in 0022. A counter of signal power is no power; energy of an earlier declaration is nobody's.
create or replace view millrace_v1.state_hours as
  select m.name as machine, from_us(r.start_us) as time, (array['UNKNOWN', 'ACTIVE', 'IDLE', 'FAULT', 'OFF'])[u.n] as state,
    u.time_us / 1e6::float8 as seconds,
    case when u.covered_us > 0 and p.sample_type is distinct from 3 and (r.valid_from <= p.stale_through) is not true
      then tame(tame(u.integral) * watts_per(p.unit)) / 3.6e6 end as kwh,
    case when p.sample_type = 3 then 0 when r.valid_from <= p.stale_through then null else u.covered_us end / 1e6::float8 as covered_seconds
  from rollup_state r
  join machine m on m.id = r.machine_id
  left join series p on p.machine_id = r.machine_id and p.signal = 'power',
  unnest(r.time_us, r.covered_us, r.integral) with ordinality as u(time_us, covered_us, integral, n)
  where r.width_us = 3600000000 and r.transitions is not null and u.time_us > 0
    and not exists (select from rollup_state n where n.machine_id = r.machine_id and n.width_us = r.width_us and n.start_us = r.start_us
      and n.valid_from > r.valid_from);

drop function millrace_v1.lines_across(integer, bigint, bigint, bigint, bigint, float8, bigint, float8);
drop function millrace_v1.hour_of_blocks(integer, bigint, bigint);
drop function millrace_v1.minutes_of_hour(integer, bigint, bigint);
drop function millrace_v1.day_of(integer, bigint, bigint);
drop function line_area(bigint, float8, bigint, float8, bigint, bigint, bigint);

do $$
begin
  if exists (select from pg_roles where rolname = 'millrace_reader') then
    grant execute on all functions in schema millrace_v1 to millrace_reader;
    grant execute on function line_area, sample_type_name to millrace_reader;
  end if;
end $$;
