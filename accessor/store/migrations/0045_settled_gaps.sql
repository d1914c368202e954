-- A max_gap that is inferred settles with the distances between 17 samples (maxDistances in infer-gap.ts).
-- Until then an export leaves it out, for who sends it back would declare it.

create function is_settled(learned_us bigint[]) returns boolean language sql immutable parallel safe
  return learned_us is null or cardinality(learned_us) >= 16;

-- As in 0044; others also learn that a max_gap has settled.
create or replace function redeclare(
  p_series integer, p_unit text, p_max_gap_us bigint, p_learned_us bigint[], p_learned_last_us bigint, p_sample_type smallint,
  p_any boolean, p_expected bigint[]
) returns boolean language plpgsql as $$
declare
  v_series series;
  v_unit text;
  v_gap_us bigint;
  v_type smallint;
begin
  select * into strict v_series from series where id = p_series for update;
  if not p_any and v_series.learned_us is distinct from p_expected then
    return false;
  end if;
  v_unit := case when p_any or v_series.unit = '' then coalesce(p_unit, v_series.unit) else v_series.unit end;
  v_gap_us := case when p_any or v_series.learned_us is not null then p_max_gap_us else v_series.max_gap_us end;
  v_type := case when p_any or v_series.sample_type is null then coalesce(p_sample_type, v_series.sample_type)
    else v_series.sample_type end;
  update series set unit = v_unit, max_gap_us = v_gap_us, learned_us = p_learned_us, learned_last_us = p_learned_last_us,
    sample_type = v_type where id = p_series;
  if v_gap_us <> v_series.max_gap_us or coalesce(v_type, 1) <> coalesce(v_series.sample_type, 1) then
    -- A step of compaction that began before sums up by the old ones: it ends no later than the newest commit of now, or rolls up ahead
    -- of the next one.
    update series set stale_through = (select revision + 1 from log_head()), redeclared_at = clock_timestamp() where id = p_series;
  end if;
  if v_gap_us <> v_series.max_gap_us or v_unit <> v_series.unit or v_type is distinct from v_series.sample_type
    or is_settled(p_learned_us) <> is_settled(v_series.learned_us) then
    perform note_redeclared(array[p_series]);
  end if;
  return true;
end $$;

-- As in 0035, with max_gap as rows declare it.
create or replace view millrace_v1.signals as
  select m.name as machine, s.signal, coalesce((array['STATE', 'EVENT', 'NUMERIC'])[s.kind], 'UNKNOWN') as kind, s.unit,
    s.max_gap_us / 1e6::float8 as max_gap_seconds,
    case when s.kind <> 3 then null when is_kept_by_hour(s) then 3600 else 60 end as bucket_seconds,
    case when s.kind = 3 then s.learned_us is not null end as max_gap_inferred,
    case when s.kind = 3 then sample_type_name(s.sample_type) end as sample_type,
    case when s.kind = 3 and is_settled(s.learned_us) then trim_scale(s.max_gap_us / 1000000::numeric) || 's' end as max_gap
  from series s join machine m on m.id = s.machine_id;

do $$
begin
  if exists (select from pg_roles where rolname = 'millrace_reader') then
    grant execute on function is_settled to millrace_reader;
  end if;
end $$;
