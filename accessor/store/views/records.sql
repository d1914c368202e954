-- Records as they were sent.

create or replace view millrace_v1.state_changes as
  select from_us(c.time_us) as time, m.name as machine, state_name(c.state) as state, c.reason
  from state_change c join machine m on m.id = c.machine_id;
comment on view millrace_v1.state_changes is 'As they were sent, repeated states too';

create or replace view millrace_v1.error_reports as
  select from_us(r.time_us) as time, m.name as machine,
    coalesce((array['INFO', 'WARNING', 'ERROR', 'CRITICAL'])[r.severity], 'UNKNOWN') as severity,
      r.code, r.message
  from error_report r join machine m on m.id = r.machine_id;
comment on view millrace_v1.error_reports is 'As they were sent';

create or replace view millrace_v1.latest as
  select m.name as machine, s.signal, s.unit, from_us(l.time_us) as time, l.value,
    null::text as state, null::text as reason, null::text as severity, null::text as code,
      null::text as message
  from series s
  join machine m on m.id = s.machine_id,
  lateral (
    select * from (
      (select 1 as place, b.last_us as time_us, b.last as value from block b
        where b.series_id = s.id
          and not exists (select from block_end e where e.block_id = b.block_id)
        order by b.bucket_us desc, b.last_us desc, b.first_us desc, b.block_id desc limit 1)
      union all
      (select 2, l.last_us, d.value
        from (
          -- What came after the watermark is little: offset 0 has it found by revision, not by
          -- walking back through the log.
          select a.* from (
            select revision, last_us, payload from log where log.series_id = s.id
              and log.revision > (select max(revision) from watermark)
            union all
            select revision, last_us, payload from held_log where held_log.series_id = s.id
              and held_log.released_at is null offset 0) a
          order by a.last_us desc, a.revision desc limit 1) l,
          lateral (select value from millrace_v1.decode_block(l.payload)
            order by ordinal desc limit 1) d)) either
    order by time_us desc, place desc limit 1) l
  where s.kind = kind_numeric()
  union all
  select m.name, s.signal, s.unit, from_us(c.time_us), null, state_name(c.state), c.reason, null,
    null, null
  from series s
  join machine m on m.id = s.machine_id,
  lateral (select * from state_change c where c.machine_id = s.machine_id order by time_us desc,
    revision desc, position desc limit 1) c
  where s.kind = kind_state()
  union all
  select m.name, s.signal, s.unit, from_us(r.time_us), null, null, null,
    coalesce((array['INFO', 'WARNING', 'ERROR', 'CRITICAL'])[r.severity], 'UNKNOWN'), r.code,
      r.message
  from series s
  join machine m on m.id = s.machine_id,
  lateral (select * from error_report r where r.machine_id = s.machine_id order by time_us desc,
    revision desc, position desc limit 1) r
  where s.kind = kind_event();
comment on view millrace_v1.latest is
  'The newest record of each signal of each machine: a value, a state or an error. Nothing lags';
