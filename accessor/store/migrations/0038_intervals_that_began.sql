-- state_intervals without time that has not come: as answers over REST and gRPC do, it ends at the
-- newest commit.

-- When the newest commit was made, as readHead() in accessor/store/log.ts has it.
create function millrace_v1.newest_commit() returns bigint
language plpgsql stable parallel restricted security definer as $$
declare
  v record;
begin
  select h.revision, h.committed_us into strict v from log_head() h;
  return coalesce(
    v.committed_us,
    (select to_us(min(r.committed_at)) from receipt r where r.revision = v.revision),
    (select to_us(w.compacted_at) from watermark w where w.revision = v.revision and v.revision > 0),
    -- Nothing was committed.
    9007199254740991);
end $$;

-- As in 0008; what begins later is not there, and what would end later lasts.
create or replace view millrace_v1.state_intervals as
  select m.name as machine, state_name(c.state) as state, from_us(c.time_us) as start_time, from_us(next.time_us) as end_time,
    (next.time_us - c.time_us) / 1e6::float8 as seconds
  from state_change c
  join machine m on m.id = c.machine_id
  left join lateral (
    select n.time_us from state_change n
    where n.machine_id = c.machine_id and n.time_us > c.time_us and n.state <> c.state
      and n.time_us <= (select millrace_v1.newest_commit())
      and (select true from state_change o where o.machine_id = n.machine_id and o.time_us = n.time_us
        and (o.revision, o.position) > (n.revision, n.position) limit 1) is null
    order by n.time_us limit 1) next on true
  where (select true from state_change o where o.machine_id = c.machine_id and o.time_us = c.time_us
      and (o.revision, o.position) > (c.revision, c.position) limit 1) is null
    and c.state is distinct from (select p.state from state_change p where p.machine_id = c.machine_id and p.time_us < c.time_us
      order by p.time_us desc, p.revision desc, p.position desc limit 1)
    and c.time_us <= (select millrace_v1.newest_commit());
comment on view millrace_v1.state_intervals is
  'What each machine was doing from when to when, to the newest commit. end_time and seconds: null while it lasts';

do $$
begin
  alter function millrace_v1.newest_commit() set plan_cache_mode = force_generic_plan;
  alter function millrace_v1.newest_commit() set jit = off;
  execute format('alter function millrace_v1.newest_commit() set search_path = pg_catalog, %I, pg_temp',
    (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = 'block'::regclass));
  revoke execute on function millrace_v1.newest_commit() from public;
  if exists (select from pg_roles where rolname = 'millrace_reader') then
    grant execute on function millrace_v1.newest_commit() to millrace_reader;
  end if;
end $$;
