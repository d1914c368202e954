-- A block's payload in two columns: out of line PostgreSQL keeps it in chunks of 1,996 bytes, four to a page, and whoever ends in part of one leaves
-- the rest of the page empty, since nobody else's chunk fits. So what fills chunks goes there, and the rest stands in the row. A payload is
-- payload || tail; in blocks from before the tail is empty.
alter table block add column tail bytea not null default '';
-- In the row or not at all.
alter table block alter tail set storage plain;

-- How much of a payload goes out of line. A row above 2 kB would have more of its columns put there: then the last chunk stays where it was.
create function whole_chunks(p_payload integer, p_commits integer) returns integer language sql immutable return
  case when p_payload % 1996 + p_commits > 1800 then p_payload else p_payload - p_payload % 1996 end;

-- b_* the new blocks, of a series in order of time; e_* the blocks that end.
create or replace function add_blocks(
  p_to bigint,
  b_series integer[], b_bucket bigint[], b_count integer[], b_first_us bigint[], b_last_us bigint[], b_min_us bigint[], b_max_us bigint[],
  b_covered bigint[], b_sum float8[], b_min float8[], b_max float8[], b_first float8[], b_last float8[], b_integral float8[],
  b_payload bytea[], b_commits bytea[],
  e_block bigint[], e_series integer[], e_bucket bigint[]
) returns void language sql as $$
  insert into block (valid_from, series_id, bucket_us, count, first_us, last_us, min_us, max_us, covered_us, sum, min, max, first, last,
    integral, payload, tail, commits)
    select p_to, b.series, b.bucket, b.count, b.first_us, b.last_us, b.min_us, b.max_us, b.covered, b.sum, b.min, b.max, b.first, b.last,
      b.integral, substring(b.payload for cut.at), substring(b.payload from cut.at + 1), b.commits
    from unnest(b_series, b_bucket, b_count, b_first_us, b_last_us, b_min_us, b_max_us, b_covered, b_sum, b_min, b_max,
      b_first, b_last, b_integral, b_payload, b_commits)
        as b(series, bucket, count, first_us, last_us, min_us, max_us, covered, sum, min, max, first, last, integral, payload, commits),
      lateral (select whole_chunks(octet_length(b.payload), octet_length(b.commits))) as cut(at);
  insert into block_end (block_id, series_id, bucket_us, ended_at)
    select e.block, e.series, e.bucket, p_to from unnest(e_block, e_series, e_bucket) as e(block, series, bucket);
$$;

-- As in 0010, of both columns.
create or replace function block_payloads(p_series integer[], p_bucket bigint[], p_block bigint[])
returns table (block_id bigint, payload bytea, commits bytea) language plpgsql stable as $$
begin
  return query
    select b.block_id, b.payload || b.tail, b.commits
    from unnest(p_series, p_bucket, p_block) as wanted(series_id, bucket_us, block_id)
    join block b on b.series_id = wanted.series_id and b.bucket_us = wanted.bucket_us and b.block_id = wanted.block_id;
end $$;

-- All samples of a signal in [p_from, p_to), in order of time; at equal times by machine, then as they were committed. Machines: null for all.
-- Runs as its owner, so that readers need no right to the tables.
create or replace function millrace_v1.samples(p_signal text, p_from timestamptz, p_to timestamptz, p_machines text[] default null)
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
    piece(name, revision, first_us, last_us, block_id, payload) as (
      select w.name, 0, b.first_us, b.last_us, b.block_id, b.payload || b.tail
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
