-- Samples by the day.

create or replace view millrace_v1.samples_day as
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
      coalesce(s.sample_type, sample_type_linear()) as type, d.time, j.count, j.min, j.max,
      mean_of(j.sum, nullif(j.count, 0), j.min, j.max) as mean, j.first, j.last,
      case when s.stale_through is null then j.integral end as area,
      case when s.stale_through is null then j.covered_us::float8 / 1e6 end as covered_seconds
    from series_day d
    join series s on s.id = d.series_id
    join machine m on m.id = s.machine_id,
    millrace_v1.day_of(s.id, to_us(d.time), s.max_gap_us, s.sample_type) j) v;
comment on view millrace_v1.samples_day is
  'Samples by the day in UTC, of every numeric signal. Without the last minute or so, see '
  'compaction';
