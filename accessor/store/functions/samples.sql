-- Samples themselves, for people who read with SQL.

-- At equal times by machine, by code point, then as they were committed. Names of machines may be
-- in any form of Unicode. Runs as its owner, so that readers need no right to the tables.
create or replace function millrace_v1.samples(
  p_signal text, p_from timestamptz, p_to timestamptz, p_machines text[] default null
) returns table ("time" timestamptz, machine text, value float8)
language plpgsql stable parallel restricted security definer rows 100000
set search_path from current as $$
declare
  v_from bigint := to_bound_us(p_from);
  v_to bigint := to_bound_us(p_to);
  -- Null stays null. Only UTF-8 has normal forms.
  v_machines text[] := case
    when p_machines is null or getdatabaseencoding() <> 'UTF8' then p_machines
    else array(select normalize(n, NFC) from unnest(p_machines) as n) end;
begin
  return query execute format($query$
    with
      at as materialized (select max(revision) as watermark from watermark),
      wanted as (
        select s.id, m.name from series s join machine m on m.id = s.machine_id
        where s.signal = $1 and s.kind = kind_numeric() and ($2 is null or m.name = any ($2))),
      piece(name, revision, first_us, last_us, block_id, payload) as (
        select w.name, 0::bigint, b.first_us, b.last_us, b.block_id, b.payload || b.tail
        from wanted w join block b on b.series_id = w.id
        -- Buckets are an hour at most.
        where b.bucket_us > %1$s - us_per_hour() and b.bucket_us < %2$s and b.last_us >= %1$s
          and b.first_us < %2$s
          and not exists (select from block_end e where e.block_id = b.block_id)
        union all
        select w.name, l.revision, l.first_us, l.last_us, 0, l.payload
        from at, wanted w join log l on l.series_id = w.id
        where l.revision > at.watermark and l.last_us >= %1$s and l.first_us < %2$s
        union all
        select w.name, h.revision, h.first_us, h.last_us, 0, h.payload
        from wanted w join held_log h on h.series_id = w.id
        where h.released_at is null and h.last_us >= %1$s and h.first_us < %2$s)
    select timestamptz 'epoch' + d.time_us * interval '1 microsecond', p.name, d.value
    from piece p, lateral millrace_v1.decode_block(p.payload) d
    where d.time_us >= %1$s and d.time_us < %2$s
    order by d.time_us, p.name collate "C", p.revision, p.first_us, p.last_us, p.block_id, d.ordinal
  $query$, v_from, v_to) using p_signal, v_machines;
end $$;
comment on function millrace_v1.samples is
  'Every committed sample of a signal in [p_from, p_to), exact, in order of time. p_machines: '
  'null for all';
