-- Commits that compaction could not put into the history and has passed over: held in full beside the log, where reads find them as if they waited in
-- it. A later version takes them up: released_at is the watermark from which on the history has them.
create table held_log (
  revision bigint not null,
  first_us bigint not null,
  last_us bigint not null,
  series_id integer not null,
  sample_count integer not null,
  payload bytea not null,
  released_at bigint,
  primary key (series_id, revision)
);
alter table held_log alter payload set storage external;
create index held_log_revision on held_log (revision);

create table held_commit (
  revision bigint primary key,
  reason text not null,
  held_at timestamptz not null default clock_timestamp(),
  released_at bigint
);

-- Within a step, after begin_step(): all rows of a commit but those that cannot be read, which go to quarantine.
create function hold_commit(p_revision bigint, p_reason text, q_series integer[]) returns void language sql as $$
  insert into held_log (revision, first_us, last_us, series_id, sample_count, payload)
    select revision, first_us, last_us, series_id, sample_count, payload from log
    where revision = p_revision and series_id <> all (q_series);
  insert into held_commit (revision, reason) values (p_revision, p_reason);
$$;

-- Within a step: the history has it from its new watermark on.
create function release_commit(p_revision bigint, p_to bigint) returns void language sql as $$
  update held_log set released_at = p_to where revision = p_revision;
  update held_commit set released_at = p_to where revision = p_revision;
$$;

-- What nobody reads any more.
create function drop_released() returns void language sql as $$
  delete from held_log where released_at <= (select min(revision) from watermark);
  delete from held_commit where released_at <= (select min(revision) from watermark);
$$;

-- Hours of machines that a step changes, in ranges: a_* all hours, which are due from now on; g_* those only that are rolled up or due, where a state
-- governs that was not known. A changed hour's roll-up no longer holds. Minutes go with their hour: one counts only if its valid_from is that of the
-- hour's newest version, as they are written together.
create function touch_states(
  p_to bigint, a_machine integer[], a_from bigint[], a_to bigint[], g_machine integer[], g_from bigint[], g_to bigint[]
) returns void language sql as $$
  insert into rollup_state_due (machine_id, hour_us)
    select a.machine, hour from unnest(a_machine, a_from, a_to) as a(machine, from_us, to_us),
      generate_series(a.from_us, a.to_us - 1, 3600000000) as hour
    union
    select r.machine_id, r.start_us from unnest(g_machine, g_from, g_to) as g(machine, from_us, to_us)
      join rollup_state r on r.machine_id = g.machine and r.width_us = 3600000000 and r.start_us >= g.from_us and r.start_us < g.to_us
    on conflict do nothing;
  insert into rollup_state (valid_from, machine_id, width_us, start_us)
    select p_to, newest.machine_id, newest.width_us, newest.start_us from (
      select distinct on (r.machine_id, r.start_us) r.machine_id, r.width_us, r.start_us, r.transitions
      from unnest(a_machine || g_machine, a_from || g_from, a_to || g_to) as t(machine, from_us, to_us)
      join rollup_state r on r.machine_id = t.machine and r.width_us = 3600000000 and r.start_us >= t.from_us and r.start_us < t.to_us
      order by r.machine_id, r.start_us, r.valid_from desc) newest
    where newest.transitions is not null;
$$;

create or replace view millrace_v1.compaction as
  select w.compacted_at as time, w.revision as watermark, head.revision as head, head.revision - w.revision as lag_commits,
    greatest(coalesce(extract(epoch from now() - (
      select r.committed_at from receipt r where r.revision > w.revision order by r.revision limit 1)), 0), 0)::float8 as lag_seconds,
    (select count(*) from quarantine) as quarantined,
    (select count(*) from held_commit where released_at is null) as held
  from (select * from watermark order by revision desc limit 1) w,
    (select coalesce((select max(revision) from receipt), max(first_revision) - 1) as revision from log_segment) head;
comment on view millrace_v1.compaction is
  'How far the history is behind the log. time: of the last step; lag_seconds: age of the oldest commit that is only in the log';

-- As in 0008, with what is held.
create or replace view millrace_v1.latest as
  select m.name as machine, s.signal, s.unit, from_us(l.time_us) as time, l.value,
    null::text as state, null::text as reason, null::text as severity, null::text as code, null::text as message
  from series s
  join machine m on m.id = s.machine_id,
  lateral (
    select * from (
      (select 1 as place, b.last_us as time_us, b.last as value from block b
        where b.series_id = s.id and not exists (select from block_end e where e.block_id = b.block_id)
        order by b.bucket_us desc, b.last_us desc, b.first_us desc, b.block_id desc limit 1)
      union all
      (select 2, l.last_us, d.value
        from (
          -- What came after the watermark is little: offset 0 has it found by revision, not by walking back through the log.
          select a.* from (
            select revision, last_us, payload from log where log.series_id = s.id and log.revision > (select max(revision) from watermark)
            union all
            select revision, last_us, payload from held_log where held_log.series_id = s.id and held_log.released_at is null offset 0) a
          order by a.last_us desc, a.revision desc limit 1) l,
          lateral (select value from millrace_v1.decode_block(l.payload) order by ordinal desc limit 1) d)) either
    order by time_us desc, place desc limit 1) l
  where s.kind = 3
  union all
  select m.name, s.signal, s.unit, from_us(c.time_us), null, state_name(c.state), c.reason, null, null, null
  from series s
  join machine m on m.id = s.machine_id,
  lateral (select * from state_change c where c.machine_id = s.machine_id order by time_us desc, revision desc, position desc limit 1) c
  where s.kind = 1
  union all
  select m.name, s.signal, s.unit, from_us(r.time_us), null, null, null,
    coalesce((array['INFO', 'WARNING', 'ERROR', 'CRITICAL'])[r.severity], 'UNKNOWN'), r.code, r.message
  from series s
  join machine m on m.id = s.machine_id,
  lateral (select * from error_report r where r.machine_id = s.machine_id order by time_us desc, revision desc, position desc limit 1) r
  where s.kind = 2;

-- As in 0011, with what is held; and planned with its bounds known, so that it opens only partitions that they reach into. It runs as its owner with a
-- search_path of nothing, so its text names the schema.
do $migration$
begin
  execute format($create$
    create or replace function millrace_v1.samples(p_signal text, p_from timestamptz, p_to timestamptz, p_machines text[] default null)
    returns table ("time" timestamptz, machine text, value float8)
    language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp rows 100000 as $function$
    declare
      v_from bigint := case p_from when '-infinity' then -9007199254740992 when 'infinity' then 9007199254740992 else %1$I.to_us(p_from) end;
      v_to bigint := case p_to when '-infinity' then -9007199254740992 when 'infinity' then 9007199254740992 else %1$I.to_us(p_to) end;
    begin
      return query execute format($query$
        with
          at as materialized (select max(revision) as watermark from %1$I.watermark),
          wanted as (
            select s.id, m.name from %1$I.series s join %1$I.machine m on m.id = s.machine_id
            where s.signal = $1 and s.kind = 3 and ($2 is null or m.name = any ($2))),
          piece(name, revision, first_us, last_us, block_id, payload) as (
            select w.name, 0::bigint, b.first_us, b.last_us, b.block_id, b.payload || b.tail
            from wanted w join %1$I.block b on b.series_id = w.id
            -- Buckets are an hour at most.
            where b.bucket_us > %%1$s - 3600000000 and b.bucket_us < %%2$s and b.last_us >= %%1$s and b.first_us < %%2$s
              and not exists (select from %1$I.block_end e where e.block_id = b.block_id)
            union all
            select w.name, l.revision, l.first_us, l.last_us, 0, l.payload
            from at, wanted w join %1$I.log l on l.series_id = w.id
            where l.revision > at.watermark and l.last_us >= %%1$s and l.first_us < %%2$s
            union all
            select w.name, h.revision, h.first_us, h.last_us, 0, h.payload
            from wanted w join %1$I.held_log h on h.series_id = w.id
            where h.released_at is null and h.last_us >= %%1$s and h.first_us < %%2$s)
        select timestamptz 'epoch' + d.time_us * interval '1 microsecond', p.name, d.value
        from piece p, lateral millrace_v1.decode_block(p.payload) d
        where d.time_us >= %%1$s and d.time_us < %%2$s
        order by d.time_us, p.name, p.revision, p.first_us, p.last_us, p.block_id, d.ordinal
      $query$, v_from, v_to) using p_signal, p_machines;
    end $function$
  $create$, (select nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = 'block'::regclass));
end $migration$;
