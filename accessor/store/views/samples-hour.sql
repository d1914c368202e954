-- Samples by the hour.

-- Hours that are rolled up, hours that are due, and hours that only a line crosses (by kept_hour).
create or replace view millrace_v1.samples_hour as
  select v.machine, v.signal, v.unit, v.time, v.count, v.min, v.max, v.mean, v.first, v.last,
    case when v.type <> sample_type_counter() then v.area end as integral, v.covered_seconds,
    case when v.type <> sample_type_counter()
      then kwh_of(v.signal, v.unit, v.area, v.covered_seconds) end as kwh,
    case when v.type = sample_type_counter() and v.covered_seconds > 0 then v.area end as increase,
    case when v.type = sample_type_counter() and v.covered_seconds > 0
      then tame(v.area) / v.covered_seconds end as rate,
    sample_type_name(v.type) as sample_type
  from (
    select m.name as machine, s.signal, s.unit,
      coalesce(s.sample_type, sample_type_linear()) as type, from_us(r.hour_us) as time,
      r.count, r.min, r.max, mean_of(tame(r.sum), r.count, r.min, r.max) as mean, r.first, r.last,
      case when s.stale_through is null
        then tame(r.integral) + head.integral + tail.integral end as area,
      case when s.stale_through is null
        then (r.covered_us + head.covered_us + tail.covered_us)::float8 / 1e6 end as covered_seconds
    from rollup_hour r
    join series s on s.id = r.series_id
    join machine m on m.id = s.machine_id,
    lateral (
      select
        case when r.first_us - r.hour_us < s.max_gap_us
          or s.sample_type = sample_type_step() then coalesce(
          (select array[n.last_us, n.last] from (
            select * from rollup_hour n where n.series_id = r.series_id
              and n.hour_us = r.hour_us - us_per_hour()
            order by n.valid_from desc limit 1) n where n.count is not null),
          millrace_v1.sample_before(r.series_id, r.hour_us, s.max_gap_us)) end as before,
        case
          when s.sample_type = sample_type_step()
            and r.hour_us + us_per_hour() <= (select millrace_v1.history_end())
            then array[r.hour_us + us_per_hour(), null]
          when r.hour_us + us_per_hour() - r.last_us <= s.max_gap_us then coalesce(
            (select array[n.first_us, n.first] from (
              select * from rollup_hour n where n.series_id = r.series_id
                and n.hour_us = r.hour_us + us_per_hour()
              order by n.valid_from desc limit 1) n where n.count is not null),
            millrace_v1.sample_after(r.series_id, r.hour_us + us_per_hour(), s.max_gap_us),
            case when s.sample_type = sample_type_step()
              then array[(select millrace_v1.history_end()), null] end)
          when s.sample_type = sample_type_step() then array[(select millrace_v1.history_end()),
            null] end as after
      offset 0) beside,
    line_area(beside.before[1]::bigint, beside.before[2], r.first_us, r.first, r.hour_us,
      r.hour_us + us_per_hour(), s.max_gap_us, s.sample_type) head,
    line_area(r.last_us, r.last, beside.after[1]::bigint, beside.after[2], r.hour_us,
      r.hour_us + us_per_hour(), s.max_gap_us, s.sample_type) tail
    where r.count is not null
      and not exists (select from rollup_hour n
        where n.series_id = r.series_id and n.hour_us = r.hour_us
          and n.valid_from > r.valid_from offset 0)
    union all
    select m.name, s.signal, s.unit, coalesce(s.sample_type, sample_type_linear()),
      from_us(d.hour_us), j.count, j.min, j.max, mean_of(j.sum, j.count, j.min, j.max), j.first,
      j.last,
      case when s.stale_through is null then j.integral + e.integral end,
      case when s.stale_through is null then (j.covered_us + e.covered_us)::float8 / 1e6 end
    from rollup_due d
    join series s on s.id = d.series_id
    join machine m on m.id = s.machine_id,
    millrace_v1.hour_of_blocks(s.id, d.hour_us, s.max_gap_us, s.sample_type) j,
    millrace_v1.lines_across(
      s.id, s.max_gap_us, s.sample_type, d.hour_us, d.hour_us + us_per_hour(), j.first_us, j.first,
        j.last_us, j.last) e
    where (select r.count from rollup_hour r
      where r.series_id = d.series_id and r.hour_us = d.hour_us
        order by r.valid_from desc limit 1) is null
    union all
    select m.name, s.signal, s.unit, coalesce(s.sample_type, sample_type_linear()), t.time, 0, null,
      null, null, null, null, e.integral, e.covered_us::float8 / 1e6
    from series s
    join machine m on m.id = s.machine_id,
    kept_hour t,
    millrace_v1.lines_across(
      s.id, s.max_gap_us, s.sample_type, t.hour_us, t.hour_us + us_per_hour(), null, null, null,
        null) e
    where s.kind = kind_numeric()
      and (s.max_gap_us > us_per_hour() or s.sample_type = sample_type_step())
      -- Those that may have such an hour there, and have no sample in it.
      and exists (select from series_day d where d.series_id = s.id
        and d.time = from_us(floor_to(t.hour_us, us_per_day())) offset 0)
      and not exists (select from rollup_hour r where r.series_id = s.id and r.hour_us = t.hour_us
        and r.count is not null offset 0)
      and (e.covered_us = us_per_hour() or s.sample_type = sample_type_step()
        and e.covered_us > 0)) v;
comment on view millrace_v1.samples_hour is
  'Samples by the hour, of every numeric signal. Without the last minute or so, see compaction';
