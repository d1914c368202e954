-- How the values of a numeric signal go on between its samples: 1 linear, 2 step, 3 counter, as the
-- contract numbers them; null: nobody has declared it, so it is linear. The sums of blocks and
-- roll-ups (integral, covered_us) are by it, of a counter its increase: where it changes they are
-- stale, as after a change of max_gap.
alter table series add column sample_type smallint;

drop function redeclare(integer, text, bigint, bigint[], bigint, boolean, bigint[]);

-- As in 0030, with the type: where there is none; p_any: whatever there is. Null leaves it.
create function redeclare(
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
    -- A step of compaction that began before sums up by the old ones, and ends no later than the newest commit of now.
    update series set stale_through = (select revision from log_head()), redeclared_at = clock_timestamp() where id = p_series;
  end if;
  if v_gap_us <> v_series.max_gap_us or v_unit <> v_series.unit or v_type is distinct from v_series.sample_type then
    perform note_redeclared(array[p_series]);
  end if;
  return true;
end $$;

drop function register_series(
  text, text, text[], smallint[], text[], bigint[], text[], bigint[], integer, integer, integer, integer);

-- As in 0030, with the type.
create function register_series(
  p_owner text, p_machine text, p_signal text[], p_kind smallint[], p_unit text[], p_max_gap_us bigint[], p_learned text[], p_learned_last bigint[],
  p_sample_type smallint[],
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
    where not exists (select from series s join machine m on m.id = s.machine_id where m.name = p_machine and s.signal = wanted.signal);
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
  insert into series (machine_id, signal, kind, unit, max_gap_us, learned_us, learned_last_us, sample_type, owner)
    select v_machine, w.signal, w.kind, w.unit, w.max_gap_us, w.learned::bigint[], w.learned_last, w.sample_type, p_owner
    from unnest(p_signal, p_kind, p_unit, p_max_gap_us, p_learned, p_learned_last, p_sample_type)
      as w(signal, kind, unit, max_gap_us, learned, learned_last, sample_type)
    where not exists (select from series s where s.machine_id = v_machine and s.signal = w.signal)
    order by w.signal limit greatest(0, least(p_all_series - v_all.series, p_own_series - v_own.series));
  get diagnostics v_made = row_count;
  update registered set series = series + v_made where owner in ('', p_owner);
  return case when v_made = v_wanted then null
    when p_all_series - v_all.series <= p_own_series - v_own.series then 'series' else 'series-per-key' end;
end $$;
