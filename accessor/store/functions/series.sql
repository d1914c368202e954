-- Series: what registers them and what they declare.

-- As bucketWidthUs() in accessor/history/buckets-of-time.ts: its max_gap is above 2 s. Also of a
-- series whose buckets are hours though it turned out to be dense.
create or replace function is_kept_by_hour(s series) returns boolean
language sql stable parallel safe
  return coalesce(s.max_gap_us, 0) > 2000000 or coalesce(s.bucket_us, 0) > us_per_minute();
comment on function is_kept_by_hour is
  'Whether the blocks of a series hold an hour each, not a minute';

create or replace function is_settled(learned_us bigint[]) returns boolean
language sql immutable parallel safe
  return learned_us is null or cardinality(learned_us) >= 16;
comment on function is_settled is
  'Whether a max_gap is declared, or inferred from enough distances (maxDistances in '
  'infer-gap.ts)';

-- In order of their names. What was registered before keeps its declaration. The row of all
-- together is locked first, so that no two callers wait for each other.
create or replace function register_series(
  p_owner text, p_machine text, p_signal text[], p_kind smallint[], p_unit text[],
  p_max_gap_us bigint[], p_learned text[], p_learned_last bigint[], p_sample_type smallint[],
  p_duplicates smallint[],
  p_own_machines integer, p_own_series integer, p_all_machines integer, p_all_series integer
) returns text language plpgsql as $$
declare
  v_all registered;
  v_own registered;
  v_machine integer;
  v_wanted integer;
  v_made integer;
begin
  insert into registered (owner) values (''), (p_owner) on conflict do nothing;
  select * into strict v_all from registered where owner = '' for update;
  select * into strict v_own from registered where owner = p_owner for update;
  select count(*) into v_wanted from unnest(p_signal) as wanted(signal)
    where not exists (select from series s join machine m on m.id = s.machine_id
      where m.name = p_machine and s.signal = wanted.signal);
  if v_wanted = 0 then
    return null;
  end if;
  select id into v_machine from machine where name = p_machine;
  if v_machine is null then
    if v_all.machines >= p_all_machines then
      return 'machines';
    elsif v_own.machines >= p_own_machines then
      return 'machines-per-key';
    -- A machine without a signal is nothing.
    elsif v_all.series >= p_all_series then
      return 'series';
    elsif v_own.series >= p_own_series then
      return 'series-per-key';
    end if;
    insert into machine (name, owner) values (p_machine, p_owner) returning id into v_machine;
    update registered set machines = machines + 1 where owner in ('', p_owner);
  end if;
  insert into series (machine_id, signal, kind, unit, max_gap_us, learned_us, learned_last_us,
    sample_type, duplicates, owner)
    select v_machine, w.signal, w.kind, w.unit, w.max_gap_us, w.learned::bigint[], w.learned_last,
      w.sample_type, w.duplicates, p_owner
    from unnest(p_signal, p_kind, p_unit, p_max_gap_us, p_learned, p_learned_last, p_sample_type,
        p_duplicates)
      as w(signal, kind, unit, max_gap_us, learned, learned_last, sample_type, duplicates)
    where not exists (select from series s where s.machine_id = v_machine and s.signal = w.signal)
    order by w.signal
      limit greatest(0, least(p_all_series - v_all.series, p_own_series - v_own.series));
  get diagnostics v_made = row_count;
  update registered set series = series + v_made where owner in ('', p_owner);
  return case when v_made = v_wanted then null
    when p_all_series - v_all.series <= p_own_series - v_own.series then 'series'
      else 'series-per-key' end;
end $$;
comment on function register_series(
  text, text, text[], smallint[], text[], bigint[], text[], bigint[], smallint[], smallint[],
  integer, integer, integer, integer
) is
  'Registers what of a machine''s series is missing, as far as the quotas allow. Returns the '
  'limit that was reached, or null';

create or replace function note_redeclared(p_series integer[]) returns void language plpgsql as $$
begin
  -- One at a time: a reader that has read up to a number must not miss a lower one.
  lock table redeclared in share row exclusive mode;
  delete from redeclared where series_id = any(p_series);
  insert into redeclared (series_id) select unnest(p_series);
end $$;
comment on function note_redeclared is
  'Tells all processes that these series have a new declaration';

-- p_unit null leaves the unit. p_expected: learned_us as the caller knows it; if it has changed,
-- nothing is done and the answer is false. Other processes also learn that an inferred max_gap has
-- settled.
create or replace function redeclare(
  p_series integer, p_unit text, p_max_gap_us bigint, p_learned_us bigint[],
  p_learned_last_us bigint, p_sample_type smallint, p_duplicates smallint, p_any boolean,
  p_expected bigint[]
) returns boolean language plpgsql as $$
declare
  v_series series;
  v_unit text;
  v_gap_us bigint;
  v_type smallint;
  v_duplicates smallint;
begin
  select * into strict v_series from series where id = p_series for update;
  if not p_any and v_series.learned_us is distinct from p_expected then
    return false;
  end if;
  v_unit := case when p_any or v_series.unit = ''
    then coalesce(p_unit, v_series.unit) else v_series.unit end;
  v_gap_us := case when p_any or v_series.learned_us is not null
    then p_max_gap_us else v_series.max_gap_us end;
  v_type := case when p_any or v_series.sample_type is null
    then coalesce(p_sample_type, v_series.sample_type) else v_series.sample_type end;
  v_duplicates := case when p_any or v_series.duplicates is null
    then coalesce(p_duplicates, v_series.duplicates) else v_series.duplicates end;
  update series set unit = v_unit, max_gap_us = v_gap_us, learned_us = p_learned_us,
    learned_last_us = p_learned_last_us, sample_type = v_type, duplicates = v_duplicates
    where id = p_series;
  if v_gap_us <> v_series.max_gap_us
    or coalesce(v_type, sample_type_linear())
      <> coalesce(v_series.sample_type, sample_type_linear()) then
    -- A step of compaction that began before sums up by the old ones: it ends no later than the
    -- newest commit of now, or rolls up ahead of the next one.
    update series set stale_through = (select revision + 1 from log_head()),
      redeclared_at = clock_timestamp() where id = p_series;
  end if;
  if v_gap_us <> v_series.max_gap_us or v_unit <> v_series.unit
    or v_type is distinct from v_series.sample_type
    or v_duplicates is distinct from v_series.duplicates
    or is_settled(p_learned_us) <> is_settled(v_series.learned_us) then
    perform note_redeclared(array[p_series]);
  end if;
  return true;
end $$;
comment on function redeclare(
  integer, text, bigint, bigint[], bigint, smallint, smallint, boolean, bigint[]
) is
  'Sets what a series declares: a unit where it has none, a max_gap where its own is inferred, '
  'a type and what duplicates mean where it has none; p_any: whatever it has';

create or replace function fix_buckets(p_series integer[], p_bucket_us bigint[]) returns void
language plpgsql as $$
begin
  update series set bucket_us = f.bucket_us from unnest(p_series, p_bucket_us) as f(id, bucket_us)
    where series.id = f.id and series.bucket_us is null;
  perform note_redeclared(p_series);
end $$;
comment on function fix_buckets is
  'Sets the bucket width, in microseconds, of series that are compacted for the first time';

create or replace function finish_restating(p_series integer, p_through bigint) returns boolean
language plpgsql as $$
declare
  v_series series;
begin
  update series set stale_through = null where id = p_series and stale_through = p_through
    returning * into v_series;
  if not found then
    return false;
  end if;
  with gone as (
    delete from rollup_hour where series_id = p_series and valid_from <= p_through
    returning hour_us)
  insert into rollup_due (series_id, hour_us)
    select distinct p_series, hour_us from gone on conflict do nothing;
  if v_series.signal = 'power' then
    with gone as (
      delete from rollup_state where machine_id = v_series.machine_id and valid_from <= p_through
      returning start_us, width_us)
    insert into rollup_state_due (machine_id, hour_us)
      select distinct v_series.machine_id, start_us from gone where width_us = us_per_hour()
        on conflict do nothing;
  end if;
  perform note_redeclared(array[p_series]);
  return true;
end $$;
comment on function finish_restating is
  'Removes the roll-ups of a series whose blocks up to p_through were summed up again, and marks '
  'them due. False if its declaration has changed meanwhile';
