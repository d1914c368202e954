-- Machines and their signals.

-- Two parts, so that a machine by name is looked up by index in both.
create or replace view millrace_v1.machines as
  select m.name as machine, m.first_seen_at as first_seen_time,
    array(select s.signal from series s where s.machine_id = m.id order by s.signal) as signals,
    nullif(d.display_name, '') as display_name, coalesce(d.labels, '{}') as labels
  from machine m left join machine_description d on d.machine = m.name
  union all
  select d.machine, null, '{}', nullif(d.display_name, ''), d.labels
  from machine_description d
  where (d.display_name <> '' or d.labels <> '{}')
    and not exists (select from machine m where m.name = d.machine);
comment on view millrace_v1.machines is
  'Machines that have sent anything or are described, with their descriptions and the names of '
  'their signals';

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
