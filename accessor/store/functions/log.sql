-- The head of the log and its segments.

-- Looks into the current segment first, since a live producer is found there. A plan that was made
-- while the segment was new would sort all its receipts in place of using the index, and is kept:
-- 0.15 ms a commit for each thousand receipts, until PostgreSQL analyzes the table. So functions
-- that look for the newest receipt run with enable_sort = off.
create or replace function last_sequence(p_producer integer, p_segment integer) returns bigint
language plpgsql stable set enable_sort = off as $$
declare
  v_last bigint;
begin
  select sequence into v_last from receipt where segment = p_segment and producer_id = p_producer
    order by sequence desc limit 1;
  if v_last is null then
    select max(sequence) into v_last from receipt where producer_id = p_producer;
  end if;
  return greatest(coalesce(v_last, 0), (select floor_sequence from producer where id = p_producer));
end $$;
comment on function last_sequence is
  'The highest sequence that is decided for a producer. p_segment: the one that is written to';

-- Each accessor polls this several times a second.
create or replace function log_head() returns table (revision bigint, committed_us bigint)
language plpgsql stable set enable_sort = off as $$
#variable_conflict use_column
declare
  v_segment integer;
begin
  select s.segment, s.first_revision - 1 into strict v_segment, revision from log_segment s
    order by s.segment desc limit 1;
  return query select r.revision, to_us(r.committed_at) from receipt r where r.segment = v_segment
    order by r.revision desc limit 1;
  if not found then
    return next;
  end if;
end $$;
comment on function log_head is
  'The newest revision and when it was committed, in microseconds; null if the current segment '
  'is empty';

create or replace function open_segment(p_segment integer) returns void language plpgsql as $$
declare
  v_last bigint;
begin
  perform lock_revisions();
  select coalesce(max(revision),
    (select first_revision - 1 from log_segment where segment = p_segment - 1)) into v_last
    from receipt where segment = p_segment - 1;
  insert into log_segment (segment, first_revision) values (p_segment, v_last + 1)
    on conflict do nothing;
end $$;
comment on function open_segment is
  'Lets writers continue in another segment, whose partitions are attached already';

-- Not of producers that live for one POST only.
create or replace function retire_segment(p_segment integer) returns void language plpgsql as $$
begin
  update producer p set floor_sequence = last.sequence
    from (select producer_id, max(sequence) as sequence from receipt where segment = p_segment
      group by producer_id) last
    where p.id = last.producer_id and p.floor_sequence < last.sequence and p.name not like 'rest:%';
  delete from log_segment where segment = p_segment;
end $$;
comment on function retire_segment is
  'Keeps the last sequences of a segment''s producers before its receipts are dropped. Readers '
  'no longer look into it';
