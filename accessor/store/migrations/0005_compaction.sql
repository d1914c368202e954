-- compact(): one step of compaction in one transaction. Everything it writes is valid from the new watermark on.

-- Columns as parallel arrays: b_* the new blocks, e_* the blocks that end, h_* hours of series that changed (their roll-up no longer holds; new
-- ones are due), r_* roll-ups of hours, m_* hours of machines that changed, s_* roll-ups by state, q_* rows that could not be read.
-- Fails with serialization_failure if somebody else has compacted in between.
create function compact(
  p_from bigint, p_to bigint,
  b_series integer[], b_bucket bigint[], b_count integer[], b_first_us bigint[], b_last_us bigint[], b_min_us bigint[], b_max_us bigint[],
  b_covered bigint[], b_sum float8[], b_min float8[], b_max float8[], b_first float8[], b_last float8[], b_integral float8[],
  b_payload bytea[], b_commits bytea[],
  e_block bigint[], e_series integer[], e_bucket bigint[],
  h_series integer[], h_hour bigint[],
  r_series integer[], r_hour bigint[], r_count bigint[], r_first_us bigint[], r_last_us bigint[], r_min_us bigint[], r_max_us bigint[],
  r_covered bigint[], r_sum float8[], r_min float8[], r_max float8[], r_first float8[], r_last float8[], r_integral float8[],
  m_machine integer[], m_hour bigint[],
  s_machine integer[], s_width bigint[], s_start bigint[], s_transitions integer[], s_time bigint[], s_covered bigint[], s_integral float8[],
  q_revision bigint[], q_series integer[], q_reason text[]
) returns void language plpgsql as $$
declare
  v_current bigint;
begin
  perform pg_advisory_xact_lock(7201, 4);
  select max(revision) into v_current from watermark;
  if v_current <> p_from then
    raise exception 'the watermark is at %, not at %', v_current, p_from using errcode = 'serialization_failure';
  end if;
  insert into watermark (revision) values (p_to);

  insert into block (valid_from, series_id, bucket_us, count, first_us, last_us, min_us, max_us, covered_us, sum, min, max, first, last,
    integral, payload, commits)
    select p_to, b.* from unnest(b_series, b_bucket, b_count, b_first_us, b_last_us, b_min_us, b_max_us, b_covered, b_sum, b_min, b_max,
      b_first, b_last, b_integral, b_payload, b_commits) as b;
  insert into block_end (block_id, series_id, bucket_us, ended_at)
    select e.block, e.series, e.bucket, p_to from unnest(e_block, e_series, e_bucket) as e(block, series, bucket);

  -- A changed hour has no roll-up until it is rolled up again; only one that had one needs to be told so.
  insert into rollup_hour (valid_from, series_id, hour_us)
    select p_to, h.series, h.hour from unnest(h_series, h_hour) as h(series, hour)
    where (select count is not null from rollup_hour r where r.series_id = h.series and r.hour_us = h.hour order by valid_from desc limit 1);
  insert into rollup_due (series_id, hour_us)
    select h.series, h.hour from unnest(h_series, h_hour) as h(series, hour) on conflict do nothing;
  insert into rollup_hour (valid_from, series_id, hour_us, count, first_us, last_us, min_us, max_us, covered_us, sum, min, max, first, last, integral)
    select p_to, r.* from unnest(r_series, r_hour, r_count, r_first_us, r_last_us, r_min_us, r_max_us, r_covered, r_sum, r_min, r_max, r_first,
      r_last, r_integral) as r;
  delete from rollup_due d using unnest(r_series, r_hour) as r(series, hour) where d.series_id = r.series and d.hour_us = r.hour;

  insert into rollup_state (valid_from, machine_id, width_us, start_us)
    select p_to, r.machine_id, r.width_us, r.start_us
    from unnest(m_machine, m_hour) as m(machine, hour), lateral (
      select distinct on (width_us, start_us) * from rollup_state r
      where r.machine_id = m.machine and r.start_us >= m.hour and r.start_us < m.hour + 3600000000
      order by width_us, start_us, valid_from desc) r
    where r.transitions is not null;
  insert into rollup_state_due (machine_id, hour_us)
    select m.machine, m.hour from unnest(m_machine, m_hour) as m(machine, hour) on conflict do nothing;
  -- Five numbers a row in each of the three arrays.
  insert into rollup_state (valid_from, machine_id, width_us, start_us, transitions, time_us, covered_us, integral)
    select p_to, s.machine, s.width, s.start, s.transitions,
      s_time[s.n * 5 - 4 : s.n * 5], s_covered[s.n * 5 - 4 : s.n * 5], s_integral[s.n * 5 - 4 : s.n * 5]
    from unnest(s_machine, s_width, s_start, s_transitions) with ordinality as s(machine, width, start, transitions, n);
  delete from rollup_state_due d using unnest(s_machine, s_width, s_start) as s(machine, width, start)
    where s.width = 3600000000 and d.machine_id = s.machine and d.hour_us = s.start;

  insert into quarantine (revision, series_id, reason, payload)
    select q.revision, q.series, q.reason, log.payload from unnest(q_revision, q_series, q_reason) as q(revision, series, reason)
    join log on log.revision = q.revision and log.series_id = q.series;
end $$;

-- Lets writers go on in another segment. Its partitions are attached already.
create function open_segment(p_segment integer) returns void language plpgsql as $$
declare
  v_last bigint;
begin
  perform lock_revisions();
  select coalesce(max(revision), (select first_revision - 1 from log_segment where segment = p_segment - 1)) into v_last
    from receipt where segment = p_segment - 1;
  insert into log_segment (segment, first_revision) values (p_segment, v_last + 1) on conflict do nothing;
end $$;

-- Before a segment's receipts go: producers keep their last sequence. From here on no reader looks into it.
create function retire_segment(p_segment integer) returns void language plpgsql as $$
begin
  perform lock_revisions();
  update producer set floor_sequence = greatest(floor_sequence, last.sequence)
    from (select producer_id, max(sequence) as sequence from receipt where segment = p_segment group by producer_id) last
    where producer.id = last.producer_id;
  delete from log_segment where segment = p_segment;
end $$;

-- Forgets what was superseded before the watermark that was the newest p_age_ms ago; answers that watermark.
create function drop_superseded(p_age_ms bigint) returns bigint language plpgsql as $$
declare
  v_watermark bigint;
begin
  select coalesce(max(revision), 0) into v_watermark from watermark
    where compacted_at < clock_timestamp() - p_age_ms * interval '1 millisecond';
  delete from block b using block_end e
    where e.ended_at <= v_watermark and b.series_id = e.series_id and b.bucket_us = e.bucket_us and b.block_id = e.block_id;
  delete from block_end where ended_at <= v_watermark;
  delete from rollup_hour r where r.valid_from < v_watermark and exists (
    select from rollup_hour n where n.series_id = r.series_id and n.hour_us = r.hour_us
      and n.valid_from > r.valid_from and n.valid_from <= v_watermark);
  delete from rollup_state r where r.valid_from < v_watermark and exists (
    select from rollup_state n where n.machine_id = r.machine_id and n.width_us = r.width_us and n.start_us = r.start_us
      and n.valid_from > r.valid_from and n.valid_from <= v_watermark);
  delete from watermark where revision < v_watermark;
  return v_watermark;
end $$;

-- Drops partitions of block that end before a time; answers their names.
create function drop_block_partitions(p_before bigint) returns setof text language plpgsql as $$
declare
  v_name text;
  v_end bigint;
begin
  for v_name in select inhrelid::regclass::text from pg_inherits where inhparent = 'block'::regclass loop
    v_end := to_us(to_date(right(v_name, 8), 'YYYYMMDD')::timestamp at time zone 'UTC') + 604800000000;
    if v_end <= p_before then
      execute format('drop table %s', v_name);
      return next v_name;
    end if;
  end loop;
end $$;
