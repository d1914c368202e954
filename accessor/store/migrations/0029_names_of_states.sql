-- state_at() as in 0025, but it takes names of machines in any form of Unicode, and orders them by
-- code point, as samples() does.
create or replace function millrace_v1.state_at(p_time timestamptz, p_machines text[] default null)
returns table ("time" timestamptz, machine text, state text, reason text)
language plpgsql stable parallel restricted security definer rows 100 as $$
declare
  -- Null stays null. Only UTF-8 has normal forms.
  v_machines text[] := case when p_machines is null or getdatabaseencoding() <> 'UTF8' then p_machines
    else array(select normalize(n, NFC) from unnest(p_machines) as n) end;
begin
  return query
    select from_us(c.time_us), m.name, state_name(c.state), c.reason
    from machine m, lateral (
      select * from state_change s
      where s.machine_id = m.id and s.time_us <= case p_time
        when '-infinity' then -9007199254740992 when 'infinity' then 9007199254740992 else to_us(p_time) end
      order by s.time_us desc, s.revision desc, s.position desc limit 1) c
    where v_machines is null or m.name = any (v_machines)
    order by m.name collate "C";
end $$;

-- What replaces a function has none of its settings.
do $$
begin
  alter function millrace_v1.state_at set plan_cache_mode = force_generic_plan;
  alter function millrace_v1.state_at set jit = off;
  execute format('alter function millrace_v1.state_at set search_path = pg_catalog, %I, pg_temp',
    (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = 'block'::regclass));
end $$;
