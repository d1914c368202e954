-- Machines and their signals.

create or replace view millrace_v1.machines as
  select m.name as machine, m.first_seen_at as first_seen_time,
    array(select s.signal from series s where s.machine_id = m.id order by s.signal) as signals
  from machine m;
comment on view millrace_v1.machines is
  'Machines that have sent anything, with the names of their signals';

create or replace view millrace_v1.signals as
  select m.name as machine, s.signal,
    coalesce((array['STATE', 'EVENT', 'NUMERIC'])[s.kind], 'UNKNOWN') as kind, s.unit,
    s.max_gap_us / 1e6::float8 as max_gap_seconds,
    case when s.kind <> kind_numeric() then null when is_kept_by_hour(s) then 3600
      else 60 end as bucket_seconds,
    case when s.kind = kind_numeric() then s.learned_us is not null end as max_gap_inferred,
    case when s.kind = kind_numeric() then sample_type_name(s.sample_type) end as sample_type,
    case when s.kind = kind_numeric() and is_settled(s.learned_us)
      then trim_scale(s.max_gap_us / 1000000::numeric) || 's' end as max_gap,
    duplicates_name(s.duplicates) as duplicates
  from series s join machine m on m.id = s.machine_id;
comment on view millrace_v1.signals is
  'Signals of machines and what they declare. Durations: seconds';
