-- What people and their tools read: views in millrace_v1 (see 0006), samples(), and a role that may read these and nothing else. docs/sql.md
-- describes them. They show what is committed, at the newest watermark; revisions are not for here.

-- A filter on a view's time can only use an index on that very expression.
create index block_time on block (series_id, from_us(bucket_us));
create index rollup_hour_time on rollup_hour (series_id, from_us(hour_us));
create index state_change_from_us on state_change (from_us(time_us));
create index error_report_from_us on error_report (from_us(time_us));

-- PostgreSQL fails where a float8 would overflow or underflow; one wild sample must not fail a dashboard. Sums go through this: beyond 1e300 they
-- are infinite, below 1e-290 zero.
create function tame(x float8) returns float8 language sql immutable parallel safe
  return case when abs(x) > 1e300 then x * 'Infinity'::float8 when abs(x) < 1e-290 then 0 else x end;

create function state_name(state integer) returns text language sql immutable parallel safe
  return coalesce((array['ACTIVE', 'IDLE', 'FAULT', 'OFF'])[state], 'UNKNOWN');

create view millrace_v1.machines as
  select m.name as machine, m.first_seen_at as first_seen_time,
    array(select s.signal from series s where s.machine_id = m.id order by s.signal) as signals
  from machine m;

create view millrace_v1.signals as
  select m.name as machine, s.signal, coalesce((array['STATE', 'EVENT', 'NUMERIC'])[s.kind], 'UNKNOWN') as kind, s.unit,
    s.max_gap_us / 1e6::float8 as max_gap_seconds,
    -- As bucketWidthUs() in accessor/history/buckets-of-time.ts.
    case when s.kind <> 3 then null when coalesce(s.max_gap_us, 0) <= 2000000 then 60 else 3600 end as bucket_seconds
  from series s join machine m on m.id = s.machine_id;

-- All samples of a signal in [p_from, p_to), in order of time; at equal times by machine, then as they were committed. Machines: null for all.
-- Runs as its owner, so that readers need no right to the tables.
create function millrace_v1.samples(p_signal text, p_from timestamptz, p_to timestamptz, p_machines text[] default null)
returns table ("time" timestamptz, machine text, value float8)
language sql stable parallel restricted security definer set search_path = pg_catalog, pg_temp rows 100000
begin atomic
  with
    bounds as materialized (
      select case p_from when '-infinity' then -9007199254740992 when 'infinity' then 9007199254740992 else to_us(p_from) end as from_us,
        case p_to when '-infinity' then -9007199254740992 when 'infinity' then 9007199254740992 else to_us(p_to) end as to_us,
        (select max(revision) from watermark) as watermark),
    wanted as (
      select s.id, m.name from series s join machine m on m.id = s.machine_id
      where s.signal = p_signal and s.kind = 3 and (p_machines is null or m.name = any (p_machines))),
    piece as (
      select w.name, 0 as revision, b.first_us, b.last_us, b.block_id, b.payload
      from bounds, wanted w join block b on b.series_id = w.id
      -- Buckets are an hour at most.
      where b.bucket_us > bounds.from_us - 3600000000 and b.bucket_us < bounds.to_us
        and b.last_us >= bounds.from_us and b.first_us < bounds.to_us
        and not exists (select from block_end e where e.block_id = b.block_id)
      union all
      select w.name, l.revision, l.first_us, l.last_us, 0, l.payload
      from bounds, wanted w join log l on l.series_id = w.id
      where l.revision > bounds.watermark and l.last_us >= bounds.from_us and l.first_us < bounds.to_us)
  select timestamptz 'epoch' + d.time_us * interval '1 microsecond', p.name, d.value
  from bounds, piece p, lateral millrace_v1.decode_block(p.payload) d
  where d.time_us >= bounds.from_us and d.time_us < bounds.to_us
  order by d.time_us, p.name, p.revision, p.first_us, p.last_us, p.block_id, d.ordinal;
end;
comment on function millrace_v1.samples(text, timestamptz, timestamptz, text[]) is
  'Every committed sample of a signal in [p_from, p_to), exact, in order of time. p_machines: null for all';

-- Blocks joined as joinSummaries() in accessor/history/summary.ts does: between neighbours not farther apart than max_gap, the line from the last
-- sample of one to the first of the next counts as well.
create view millrace_v1.samples_minute as
  select m.name as machine, s.signal, s.unit, j.time, j.count, j.min, j.max, j.sum / j.count as mean, j.first, j.last, j.integral,
    j.covered_us::float8 / 1e6 as covered_seconds
  from series s
  join machine m on m.id = s.machine_id,
  lateral (
    select p.time, sum(p.count) as count, min(p.min) as min, max(p.max) as max, sum(tame(p.sum)) as sum,
      min(p.first) filter (where p.before_us is null) as first, min(p.last) filter (where p.after_us is null) as last,
      sum(tame(p.integral) + case when p.first_us - p.before_us <= s.max_gap_us
        then (tame(p.before) + tame(p.first)) * (p.first_us - p.before_us) / 2e6 else 0 end) as integral,
      sum(p.covered_us + case when p.first_us - p.before_us <= s.max_gap_us then p.first_us - p.before_us else 0 end) as covered_us
    from (
      select b.*, from_us(b.bucket_us) as time,
        lag(b.last_us) over w as before_us, lag(b.last) over w as before, lead(b.first_us) over w as after_us
      from block b
      where b.series_id = s.id and not exists (select from block_end e where e.block_id = b.block_id)
      window w as (partition by from_us(b.bucket_us) order by b.first_us, b.last_us, b.block_id)) p
    group by p.time) j
  where s.kind = 3 and coalesce(s.max_gap_us, 0) <= 2000000;
comment on view millrace_v1.samples_minute is
  'Samples by the minute. Signals with a max_gap above 2 s are kept by the hour: see samples_hour. Without the last minute or so, see compaction';

-- An hour that is not rolled up, or no longer, is due; so the present one.
create view millrace_v1.samples_hour as
  select m.name as machine, s.signal, s.unit, from_us(r.hour_us) as time, r.count, r.min, r.max, tame(r.sum) / r.count as mean, r.first, r.last,
    r.integral, r.covered_us::float8 / 1e6 as covered_seconds
  from rollup_hour r
  join series s on s.id = r.series_id
  join machine m on m.id = s.machine_id
  where r.count is not null
    and not exists (select from rollup_hour n where n.series_id = r.series_id and n.hour_us = r.hour_us and n.valid_from > r.valid_from)
  union all
  select m.name, s.signal, s.unit, from_us(d.hour_us), j.count, j.min, j.max, j.sum / j.count, j.first, j.last,
    j.integral, j.covered_us::float8 / 1e6
  from rollup_due d
  join series s on s.id = d.series_id
  join machine m on m.id = s.machine_id,
  lateral (
    select sum(p.count)::bigint as count, min(p.min) as min, max(p.max) as max, sum(tame(p.sum)) as sum,
      min(p.first) filter (where p.before_us is null) as first, min(p.last) filter (where p.after_us is null) as last,
      sum(tame(p.integral) + case when p.first_us - p.before_us <= s.max_gap_us
        then (tame(p.before) + tame(p.first)) * (p.first_us - p.before_us) / 2e6 else 0 end) as integral,
      sum(p.covered_us + case when p.first_us - p.before_us <= s.max_gap_us then p.first_us - p.before_us else 0 end) as covered_us
    from (
      select b.*, lag(b.last_us) over w as before_us, lag(b.last) over w as before, lead(b.first_us) over w as after_us
      from block b
      where b.series_id = d.series_id and b.bucket_us >= d.hour_us and b.bucket_us < d.hour_us + 3600000000
        and not exists (select from block_end e where e.block_id = b.block_id)
      window w as (order by b.first_us, b.last_us, b.block_id)) p
    having count(*) > 0) j
  where (select r.count from rollup_hour r where r.series_id = d.series_id and r.hour_us = d.hour_us order by r.valid_from desc limit 1) is null;
comment on view millrace_v1.samples_hour is 'Samples by the hour, of every numeric signal. Without the last minute or so, see compaction';

create view millrace_v1.state_changes as
  select from_us(c.time_us) as time, m.name as machine, state_name(c.state) as state, c.reason
  from state_change c join machine m on m.id = c.machine_id;
comment on view millrace_v1.state_changes is 'As they were sent, repeated states too';

-- Of changes at equal times the one committed last holds; a change to the state that holds already extends it. Each change looks up its neighbours
-- by index, so that a filter on start_time makes it cheap: "(select … limit 1) is null", as a "not exists" would be made a join of everything.
create view millrace_v1.state_intervals as
  select m.name as machine, state_name(c.state) as state, from_us(c.time_us) as start_time, from_us(next.time_us) as end_time,
    (next.time_us - c.time_us) / 1e6::float8 as seconds
  from state_change c
  join machine m on m.id = c.machine_id
  left join lateral (
    select n.time_us from state_change n
    where n.machine_id = c.machine_id and n.time_us > c.time_us and n.state <> c.state
      and (select true from state_change o where o.machine_id = n.machine_id and o.time_us = n.time_us
        and (o.revision, o.position) > (n.revision, n.position) limit 1) is null
    order by n.time_us limit 1) next on true
  where (select true from state_change o where o.machine_id = c.machine_id and o.time_us = c.time_us
      and (o.revision, o.position) > (c.revision, c.position) limit 1) is null
    and c.state is distinct from (select p.state from state_change p where p.machine_id = c.machine_id and p.time_us < c.time_us
      order by p.time_us desc, p.revision desc, p.position desc limit 1);
comment on view millrace_v1.state_intervals is 'What each machine was doing from when to when. end_time and seconds: null while it lasts';

create view millrace_v1.error_reports as
  select from_us(r.time_us) as time, m.name as machine,
    coalesce((array['INFO', 'WARNING', 'ERROR', 'CRITICAL'])[r.severity], 'UNKNOWN') as severity, r.code, r.message
  from error_report r join machine m on m.id = r.machine_id;

-- By time, then by commit. Of samples, the newest block or what the log holds after the watermark; at equal times the log is newer.
create view millrace_v1.latest as
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
          select a.* from (select * from log where log.series_id = s.id and log.revision > (select max(revision) from watermark) offset 0) a
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
comment on view millrace_v1.latest is 'The newest record of each signal of each machine: a value, a state or an error. Nothing lags';

create view millrace_v1.state_hours as
  select m.name as machine, from_us(r.start_us) as time, (array['UNKNOWN', 'ACTIVE', 'IDLE', 'FAULT', 'OFF'])[u.n] as state,
    u.time_us / 1e6::float8 as seconds, case when u.covered_us > 0 then tame(u.integral) / 3.6e6 end as kwh,
    u.covered_us / 1e6::float8 as covered_seconds
  from rollup_state r
  join machine m on m.id = r.machine_id,
  unnest(r.time_us, r.covered_us, r.integral) with ordinality as u(time_us, covered_us, integral, n)
  where r.width_us = 3600000000 and r.transitions is not null and u.time_us > 0
    and not exists (select from rollup_state n where n.machine_id = r.machine_id and n.width_us = r.width_us and n.start_us = r.start_us
      and n.valid_from > r.valid_from);
comment on view millrace_v1.state_hours is
  'Time and energy by state, of hours that are over and rolled up. kwh: of signal power in W, null where none was measured in that state';

-- records: samples, changes, reports; counting them reads every row, a second or so for some millions of blocks. bytes alone are quick.
create view millrace_v1.storage as
  select part, bytes, records, bytes / nullif(records, 0)::float8 as bytes_per_record
  from (
    select 'log' as part, (select sum(pg_total_relation_size(relid)) from pg_partition_tree('log'))::bigint as bytes,
      (select sum(l.sample_count) from log l join series s on s.id = l.series_id where s.kind = 3) as records
    union all
    select 'receipts', (select sum(pg_total_relation_size(relid)) from pg_partition_tree('receipt'))::bigint, null::bigint
    union all
    select 'blocks', (select sum(pg_total_relation_size(relid)) from pg_partition_tree('block'))::bigint + pg_total_relation_size('block_end'),
      (select sum(b.count) from block b where not exists (select from block_end e where e.block_id = b.block_id))
    union all
    select 'rollups', (select sum(pg_total_relation_size(t)) from unnest(array['rollup_hour', 'rollup_state', 'rollup_due',
      'rollup_state_due']::regclass[]) t)::bigint, null::bigint
    union all
    select 'state_changes', pg_total_relation_size('state_change'), (select count(*) from state_change)
    union all
    select 'error_reports', pg_total_relation_size('error_report'), (select count(*) from error_report)) parts;
comment on view millrace_v1.storage is 'Bytes on disk with indexes, superseded blocks included, over the records that are current';

create view millrace_v1.compaction as
  select w.compacted_at as time, w.revision as watermark, head.revision as head, head.revision - w.revision as lag_commits,
    greatest(coalesce(extract(epoch from now() - (
      select r.committed_at from receipt r where r.revision > w.revision order by r.revision limit 1)), 0), 0)::float8 as lag_seconds,
    (select count(*) from quarantine) as quarantined
  from (select * from watermark order by revision desc limit 1) w,
    (select coalesce((select max(revision) from receipt), max(first_revision) - 1) as revision from log_segment) head;
comment on view millrace_v1.compaction is
  'How far the history is behind the log. time: of the last step; lag_seconds: age of the oldest commit that is only in the log';

-- A group role for readers. It is the cluster's, so two databases share it, and two migrations may be at it at once.
revoke execute on all functions in schema millrace_v1 from public;
do $$
begin
  if not exists (select from pg_roles where rolname = 'millrace_reader') then
    create role millrace_reader nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise notice 'role millrace_reader was not created: % may not create roles; docs/sql.md says how to add it', current_user;
end $$;
do $$
begin
  if exists (select from pg_roles where rolname = 'millrace_reader') then
    grant usage on schema millrace_v1 to millrace_reader;
    grant select on all tables in schema millrace_v1 to millrace_reader;
    grant execute on all functions in schema millrace_v1 to millrace_reader;
    -- The views' own arithmetic, where functions are not everybody's by default.
    grant execute on function from_us, tame, state_name to millrace_reader;
  end if;
end $$;
