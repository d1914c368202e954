-- Where the history ends and where the log does, as times.

-- As readWatermarkTime() in accessor/store/watermark.ts. What comes later is not known: a last
-- value does not hold beyond it.
create or replace function millrace_v1.history_end() returns bigint
language plpgsql stable parallel restricted security definer
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
declare
  v watermark;
begin
  select * into strict v from watermark w order by w.revision desc limit 1;
  return coalesce(
    (select to_us(min(r.committed_at)) from receipt r where r.revision = v.revision),
    case when v.revision > 0 then to_us(v.compacted_at) end,
    earliest_us());
end $$;
comment on function millrace_v1.history_end is
  'When the newest commit in the history was made, in microseconds since 1970';

-- As readHead() in accessor/store/log.ts.
create or replace function millrace_v1.newest_commit() returns bigint
language plpgsql stable parallel restricted security definer
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
declare
  v record;
begin
  select h.revision, h.committed_us into strict v from log_head() h;
  return coalesce(
    v.committed_us,
    (select to_us(min(r.committed_at)) from receipt r where r.revision = v.revision),
    (select to_us(w.compacted_at) from watermark w where w.revision = v.revision
      and v.revision > 0),
    -- Nothing was committed.
    latest_us());
end $$;
comment on function millrace_v1.newest_commit is
  'When the newest commit was made, in microseconds since 1970';
