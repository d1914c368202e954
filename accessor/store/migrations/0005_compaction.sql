-- A step of compaction is one transaction: begin_step(), add_blocks() as often as need be, end_step(). Everything it writes is valid from the new
-- watermark on, which is set last. Then tidying: what nobody can ask for any more goes.

-- Columns come as parallel arrays. Fails with serialization_failure if somebody else has compacted in between.
create function begin_step(p_from bigint) returns void language plpgsql as $$
declare
  v_current bigint;
begin
  perform pg_advisory_xact_lock(7201, 4);
  select max(revision) into v_current from watermark;
  if v_current <> p_from then
    raise exception 'the watermark is at %, not at %', v_current, p_from using errcode = 'serialization_failure';
  end if;
end $$;

-- b_* the new blocks, of a series in order of time; e_* the blocks that end.
create function add_blocks(
  p_to bigint,
  b_series integer[], b_bucket bigint[], b_count integer[], b_first_us bigint[], b_last_us bigint[], b_min_us bigint[], b_max_us bigint[],
  b_covered bigint[], b_sum float8[], b_min float8[], b_max float8[], b_first float8[], b_last float8[], b_integral float8[],
  b_payload bytea[], b_commits bytea[],
  e_block bigint[], e_series integer[], e_bucket bigint[]
) returns void language sql as $$
  insert into block (valid_from, series_id, bucket_us, count, first_us, last_us, min_us, max_us, covered_us, sum, min, max, first, last,
    integral, payload, commits)
    select p_to, b.* from unnest(b_series, b_bucket, b_count, b_first_us, b_last_us, b_min_us, b_max_us, b_covered, b_sum, b_min, b_max,
      b_first, b_last, b_integral, b_payload, b_commits) as b;
  insert into block_end (block_id, series_id, bucket_us, ended_at)
    select e.block, e.series, e.bucket, p_to from unnest(e_block, e_series, e_bucket) as e(block, series, bucket);
$$;

-- h_* hours of series that changed (their roll-up no longer holds; new ones are due), r_* roll-ups of hours, m_* hours of machines that changed,
-- s_* roll-ups by state, q_* rows that could not be read.
create function end_step(
  p_to bigint,
  h_series integer[], h_hour bigint[],
  r_series integer[], r_hour bigint[], r_count bigint[], r_first_us bigint[], r_last_us bigint[], r_min_us bigint[], r_max_us bigint[],
  r_covered bigint[], r_sum float8[], r_min float8[], r_max float8[], r_first float8[], r_last float8[], r_integral float8[],
  m_machine integer[], m_hour bigint[],
  s_machine integer[], s_width bigint[], s_start bigint[], s_transitions integer[], s_time bigint[], s_covered bigint[], s_integral float8[],
  q_revision bigint[], q_series integer[], q_reason text[]
) returns void language plpgsql as $$
begin
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
    from unnest(m_machine, m_hour) as m(machine, hour), unnest(array[60000000, 3600000000]) as w(width), lateral (
      select distinct on (start_us) * from rollup_state r
      where r.machine_id = m.machine and r.width_us = w.width and r.start_us >= m.hour and r.start_us < m.hour + 3600000000
      order by start_us, valid_from desc) r
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
  insert into watermark (revision) values (p_to);
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

-- Before a segment's receipts go: producers keep their last sequence. From here on no reader looks into it. No lock: nobody writes to a segment
-- once there is another, and whoever asks for a producer's last sequence sees its receipts, this floor, or both.
create function retire_segment(p_segment integer) returns void language plpgsql as $$
begin
  update producer set floor_sequence = last.sequence
    from (select p.id, r.sequence from producer p, lateral (
      select sequence from receipt where segment = p_segment and producer_id = p.id order by sequence desc limit 1) r) last
    where producer.id = last.id and floor_sequence < last.sequence;
  delete from log_segment where segment = p_segment;
end $$;

-- Forgets what a newer version had replaced at the watermark that was the newest p_age_ms ago; nobody reads below that one any more. At most
-- p_limit blocks: call again while so many went.
create function drop_superseded(p_age_ms bigint, p_limit integer default 2147483647, out passed bigint, out blocks integer)
language plpgsql as $$
declare
  v_ended bigint[];
  v_rolled_up bigint;
begin
  select coalesce(max(revision), 0) into passed from watermark
    where compacted_at < clock_timestamp() - p_age_ms * interval '1 millisecond';
  delete from watermark where revision < passed;

  v_ended := array(select block_id from block_end where ended_at <= passed order by ended_at limit p_limit);
  delete from block b using block_end e
    where e.block_id = any(v_ended) and b.series_id = e.series_id and b.bucket_us = e.bucket_us and b.block_id = e.block_id;
  delete from block_end where block_id = any(v_ended);
  blocks := cardinality(v_ended);

  select rollups_through into strict v_rolled_up from tidied for update;
  delete from rollup_hour r using rollup_hour n
    where n.valid_from > v_rolled_up and n.valid_from <= passed
      and r.series_id = n.series_id and r.hour_us = n.hour_us and r.valid_from < n.valid_from;
  delete from rollup_state r using rollup_state n
    where n.valid_from > v_rolled_up and n.valid_from <= passed
      and r.machine_id = n.machine_id and r.width_us = n.width_us and r.start_us = n.start_us and r.valid_from < n.valid_from;
  update tidied set rollups_through = passed where rollups_through < passed;
end $$;

-- Retention: what lies before a time, oldest first, at most p_limit rows; answers how many went.

create function drop_blocks_before(p_series integer, p_before bigint, p_limit integer) returns integer language plpgsql as $$
declare
  v_old bigint[];
  v_buckets bigint[];
begin
  select array_agg(block_id), array_agg(bucket_us) into v_old, v_buckets
    from (select block_id, bucket_us from block where series_id = p_series and bucket_us < p_before order by bucket_us limit p_limit) old;
  delete from block b using unnest(v_old, v_buckets) as old(block_id, bucket_us)
    where b.series_id = p_series and b.bucket_us = old.bucket_us and b.block_id = old.block_id;
  return coalesce(cardinality(v_old), 0);
end $$;

-- The state that a machine was in at that time stays.
create function drop_states_before(p_before bigint, p_limit integer) returns integer language plpgsql as $$
declare
  v_old tid[];
begin
  v_old := array(
    select s.ctid from state_change s
    where s.time_us < p_before and exists (select from state_change n where n.machine_id = s.machine_id and n.time_us <= p_before
      and (n.time_us, n.revision, n.position) > (s.time_us, s.revision, s.position))
    order by s.time_us limit p_limit);
  delete from state_change where ctid = any(v_old);
  return cardinality(v_old);
end $$;

create function drop_errors_before(p_before bigint, p_limit integer) returns integer language plpgsql as $$
declare
  v_old tid[];
begin
  v_old := array(select ctid from error_report where time_us < p_before order by time_us limit p_limit);
  delete from error_report where ctid = any(v_old);
  return cardinality(v_old);
end $$;

-- By series and machine, as their indexes are.
create function drop_rollups_before(p_before bigint, p_limit integer) returns integer language plpgsql as $$
declare
  v_id integer;
  v_width bigint;
  v_dropped integer := 0;
  v_rows integer;
begin
  for v_id in select id from series where kind = 3 loop
    delete from rollup_hour r using (
        select hour_us, valid_from from rollup_hour where series_id = v_id and hour_us < p_before
        order by hour_us limit p_limit - v_dropped) old
      where r.series_id = v_id and r.hour_us = old.hour_us and r.valid_from = old.valid_from;
    get diagnostics v_rows = row_count;
    v_dropped := v_dropped + v_rows;
  end loop;
  for v_id, v_width in select id, width from machine, unnest(array[60000000, 3600000000]) as w(width) loop
    delete from rollup_state r using (
        select start_us, valid_from from rollup_state where machine_id = v_id and width_us = v_width and start_us < p_before
        order by start_us limit p_limit - v_dropped) old
      where r.machine_id = v_id and r.width_us = v_width and r.start_us = old.start_us and r.valid_from = old.valid_from;
    get diagnostics v_rows = row_count;
    v_dropped := v_dropped + v_rows;
  end loop;
  return v_dropped;
end $$;
