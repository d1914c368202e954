-- ingest(): everything that a group of batches needs, in one round trip under one lock, so that committed revisions are 1, 2, 3 … without
-- holes and in commit order for any number of accessors.

-- What every writer of revisions holds until it commits.
create function lock_revisions() returns void language sql as $$ select pg_advisory_xact_lock(7201, 1) $$;

-- Fails where a commit could be lost: an ack means that it cannot. Asked by every statement that an ack hangs on, since a reload or a restart
-- may change the settings.
create function assert_durable() returns void language plpgsql stable as $$
declare
  v_name text;
begin
  foreach v_name in array array['fsync', 'full_page_writes', 'synchronous_commit'] loop
    if current_setting(v_name) not in ('on', 'remote_apply') then
      raise exception using errcode = 'MR001', detail = v_name,
        message = format('PostgreSQL runs with %s=%s: what it commits could be lost; turn it on', v_name, current_setting(v_name));
    end if;
  end loop;
end $$;

-- Highest sequence decided for a producer. Looks at the segment that is written to first: a live producer is found there.
-- A plan made while the segment was new would take a sort of all its receipts for cheaper than its index, and is kept: 0.15 ms a commit for each
-- thousand receipts, until PostgreSQL analyzes the table. So this and what else looks for the newest receipt runs with enable_sort=off.
create function last_sequence(p_producer integer, p_segment integer) returns bigint language plpgsql stable set enable_sort = off as $$
declare
  v_last bigint;
begin
  select sequence into v_last from receipt where segment = p_segment and producer_id = p_producer order by sequence desc limit 1;
  if v_last is null then
    select max(sequence) into v_last from receipt where producer_id = p_producer;
  end if;
  return greatest(coalesce(v_last, 0), (select floor_sequence from producer where id = p_producer));
end $$;

-- The newest revision and when it was committed (null: nothing is in the segment that is written to). Polled several times a second by each
-- accessor.
create function log_head() returns table (revision bigint, committed_us bigint) language plpgsql stable set enable_sort = off as $$
#variable_conflict use_column
declare
  v_segment integer;
begin
  select s.segment, s.first_revision - 1 into strict v_segment, revision from log_segment s order by s.segment desc limit 1;
  return query select r.revision, to_us(r.committed_at) from receipt r where r.segment = v_segment order by r.revision desc limit 1;
  if not found then
    return next;
  end if;
end $$;

-- Batches are parallel arrays b_*; log rows, state changes and error reports are parallel arrays that name their batch (1-based).
-- b_stored: whether the batch has any record to store. Batches of one producer come in order, each sequence once.
--
-- Answers a row for each batch, in order. outcome: 'stored' (revision is its own), 'decided' (nothing to store; its sequence is used up),
-- 'duplicate' (with the first answer, and the revision of then), 'conflict', 'gap' (expected is the sequence to come).
create function ingest(
  b_producer integer[], b_sequence bigint[], b_digest bytea[], b_result bytea[], b_stored boolean[],
  r_batch integer[], r_series integer[], r_first bigint[], r_last bigint[], r_count integer[], r_payload bytea[],
  s_batch integer[], s_machine integer[], s_position integer[], s_time bigint[], s_state smallint[], s_reason text[],
  e_batch integer[], e_machine integer[], e_position integer[], e_time bigint[], e_severity smallint[], e_code text[], e_message text[]
) returns table (outcome text, revision bigint, committed_us bigint, result bytea, expected bigint)
language plpgsql set enable_sort = off set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_segment integer;
  v_revision bigint;
  v_committed timestamptz;
  v_committed_us bigint;
  v_before timestamptz;
  v_producer integer := 0;
  v_last bigint;
  v_new bigint[] := array_fill(0::bigint, array[cardinality(b_producer)]);
  v_all boolean := true;
  v_any boolean := false;
  v_receipt record;
begin
  perform assert_durable();
  perform lock_revisions();
  select s.segment, s.first_revision - 1 into strict v_segment, v_revision from log_segment s order by s.segment desc limit 1;
  select r.revision, r.committed_at into v_receipt from receipt r where r.segment = v_segment order by r.revision desc limit 1;
  if found then
    v_revision := v_receipt.revision;
    v_before := v_receipt.committed_at;
  else
    select max(r.committed_at) into v_before from receipt r where r.segment = v_segment - 1;
  end if;
  -- Commit times never go back, whatever the clock does: a feed may start from one.
  v_committed := greatest(clock_timestamp(), v_before);
  v_committed_us := to_us(v_committed);

  for i in 1 .. cardinality(b_producer) loop
    if b_producer[i] <> v_producer then
      v_producer := b_producer[i];
      v_last := last_sequence(v_producer, v_segment);
    end if;
    revision := v_revision;
    committed_us := v_committed_us;
    result := b_result[i];
    expected := v_last + 1;
    if b_sequence[i] = v_last + 1 then
      v_last := b_sequence[i];
      v_any := true;
      if b_stored[i] then
        v_revision := v_revision + 1;
        revision := v_revision;
        v_new[i] := v_revision;
        outcome := 'stored';
      else
        v_new[i] := -v_revision - 1;
        v_all := false;
        outcome := 'decided';
      end if;
    elsif b_sequence[i] > v_last then
      v_all := false;
      outcome := 'gap';
    else
      v_all := false;
      select r.revision, r.committed_at, r.digest, r.result into v_receipt
        from receipt r where r.producer_id = v_producer and r.sequence = b_sequence[i];
      if not found then
        outcome := 'duplicate';
        result := null;
      elsif v_receipt.digest = b_digest[i] then
        outcome := 'duplicate';
        revision := v_receipt.revision;
        committed_us := to_us(v_receipt.committed_at);
        result := v_receipt.result;
      else
        outcome := 'conflict';
        result := null;
      end if;
    end if;
    return next;
  end loop;
  if not v_any then
    return;
  end if;

  insert into receipt (revision, sequence, committed_at, producer_id, segment, digest, result)
    select case when b.new > 0 then b.new else -b.new - 1 end, b.sequence, v_committed, b.producer, v_segment, b.digest, b.result
    from unnest(v_new, b_sequence, b_producer, b_digest, b_result) as b(new, sequence, producer, digest, result)
    where b.new <> 0;
  insert into log (revision, first_us, last_us, series_id, sample_count, segment, payload)
    select v_new[r.batch], r.first, r.last, r.series, r.count, v_segment, r.payload
    from unnest(r_batch, r_first, r_last, r_series, r_count, r_payload) as r(batch, first, last, series, count, payload)
    where v_all or v_new[r.batch] > 0;
  if cardinality(s_batch) > 0 then
    insert into state_change (revision, time_us, machine_id, position, state, reason)
      select v_new[s.batch], s.time, s.machine, s.position, s.state, s.reason
      from unnest(s_batch, s_time, s_machine, s_position, s_state, s_reason) as s(batch, time, machine, position, state, reason)
      where v_new[s.batch] > 0;
  end if;
  if cardinality(e_batch) > 0 then
    insert into error_report (revision, time_us, machine_id, position, severity, code, message)
      select v_new[e.batch], e.time, e.machine, e.position, e.severity, e.code, e.message
      from unnest(e_batch, e_time, e_machine, e_position, e_severity, e_code, e_message)
        as e(batch, time, machine, position, severity, code, message)
      where v_new[e.batch] > 0;
  end if;
end $$;

-- A producer says hello: registers it, and says its last sequence. If it was told of more than is here, the database was restored: what lies
-- between is written down as lost, and its numbering goes on after it.
create function open_producer(p_name text, p_acked bigint)
returns table (producer_id integer, last_sequence bigint, lost_first bigint, lost_last bigint) language plpgsql as $$
#variable_conflict use_column
begin
  perform assert_durable();
  select p.id into producer_id from producer p where p.name = p_name;
  if not found then
    insert into producer (name) values (p_name) on conflict (name) do nothing;
    select p.id into strict producer_id from producer p where p.name = p_name;
  end if;
  last_sequence := last_sequence(producer_id, (select max(s.segment) from log_segment s));
  if p_acked > last_sequence then
    perform lock_revisions();
    last_sequence := last_sequence(producer_id, (select max(s.segment) from log_segment s));
    if p_acked > last_sequence then
      lost_first := last_sequence + 1;
      lost_last := p_acked;
      insert into lost_range (producer_id, first_sequence, last_sequence) values (producer_id, lost_first, lost_last);
      update producer set floor_sequence = p_acked where id = producer_id;
      last_sequence := p_acked;
    end if;
  end if;
  return next;
end $$;
