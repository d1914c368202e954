-- Who registered which machines and series, and how many: each caller may register so many, and all together. What was there before has no
-- owner, and counts in all only.
alter table machine add column owner text;
alter table series add column owner text;

-- owner '': all together.
create table registered (
  owner text primary key,
  machines integer not null default 0,
  series integer not null default 0
);
insert into registered (owner, machines, series) select '', (select count(*) from machine), (select count(*) from series);

-- Registers what of a machine's series is not there yet, as far as the quotas go, in order of their names. What was registered before keeps its
-- declaration. Says which limit was reached; null if none. The row of all together is locked first, so that no two wait for each other.
create function register_series(
  p_owner text, p_machine text, p_signal text[], p_kind smallint[], p_unit text[], p_max_gap_us bigint[],
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
  insert into series (machine_id, signal, kind, unit, max_gap_us, owner)
    select v_machine, w.signal, w.kind, w.unit, w.max_gap_us, p_owner
    from unnest(p_signal, p_kind, p_unit, p_max_gap_us) as w(signal, kind, unit, max_gap_us)
    where not exists (select from series s where s.machine_id = v_machine and s.signal = w.signal)
    order by w.signal limit greatest(0, least(p_all_series - v_all.series, p_own_series - v_own.series));
  get diagnostics v_made = row_count;
  update registered set series = series + v_made where owner in ('', p_owner);
  return case when v_made = v_wanted then null
    when p_all_series - v_all.series <= p_own_series - v_own.series then 'series' else 'series-per-key' end;
end $$;
