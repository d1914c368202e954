-- For accessors of earlier versions that still run beside this one. They call functions by these
-- names and parameters.

create or replace function ingest(
  b_producer integer[], b_sequence bigint[], b_digest bytea[], b_result bytea[], b_stored boolean[],
  r_batch integer[], r_series integer[], r_first bigint[], r_last bigint[], r_count integer[],
    r_payload bytea[],
  s_batch integer[], s_machine integer[], s_position integer[], s_time bigint[], s_state smallint[],
    s_reason text[],
  e_batch integer[], e_machine integer[], e_position integer[], e_time bigint[],
    e_severity smallint[], e_code text[], e_message text[]
) returns table (outcome text, revision bigint, committed_us bigint, result bytea, expected bigint)
language plpgsql as $$
declare
  v_names text[];
begin
  perform lock_revisions();
  v_names := array(
    select p.name from unnest(b_producer) with ordinality as b(id, place)
    join producer p on p.id = b.id order by b.place);
  if cardinality(v_names) <> cardinality(b_producer) then
    raise exception 'a producer is registered no more' using errcode = 'serialization_failure';
  end if;
  return query select i.*
    from ingest(9223372036854775807, 604800000, v_names,
    array_fill(null::text, array[cardinality(v_names)]),
    array_fill(null::bigint, array[cardinality(v_names)]), b_sequence, b_digest, b_result, b_stored,
    r_batch, r_series, r_first, r_last, r_count, r_payload, s_batch, s_machine, s_position, s_time,
    s_state, s_reason, e_batch, e_machine, e_position, e_time, e_severity, e_code, e_message) as i;
end $$;
comment on function ingest(
  integer[], bigint[], bytea[], bytea[], boolean[], integer[], integer[], bigint[], bigint[],
  integer[], bytea[], integer[], integer[], integer[], bigint[], smallint[], text[], integer[],
  integer[], integer[], bigint[], smallint[], text[], text[]
) is
  'ingest() of earlier programs, which name producers by id. Fails if one is gone';

create or replace function open_producer(p_name text, p_acked bigint)
returns table (producer_id integer, last_sequence bigint, lost_first bigint, lost_last bigint)
language plpgsql as $$
#variable_conflict use_column
begin
  perform assert_durable();
  select p.id into producer_id from producer p where p.name = p_name;
  if not found then
    perform lock_revisions();
    select p.id into producer_id from producer p where p.name = p_name;
    if not found then
      producer_id := register_producer(p_name, null, 9223372036854775807, 604800000);
    end if;
  end if;
  last_sequence := last_sequence(producer_id, (select max(s.segment) from log_segment s));
  return next;
end $$;
comment on function open_producer(text, bigint) is
  'open_producer() of earlier programs. Registers what says hello; moves no floor';

create or replace function register_series(
  p_owner text, p_machine text, p_signal text[], p_kind smallint[], p_unit text[],
    p_max_gap_us bigint[],
  p_own_machines integer, p_own_series integer, p_all_machines integer, p_all_series integer
) returns text language plpgsql as $$
declare
  v_all registered;
  v_own registered;
  v_machine integer;
  v_wanted integer;
  v_made integer;
begin
  insert into registered (owner) values (''), (p_owner) on conflict do nothing;
  select * into strict v_all from registered where owner = '' for update;
  select * into strict v_own from registered where owner = p_owner for update;
  select count(*) into v_wanted from unnest(p_signal) as wanted(signal)
    where not exists (select from series s join machine m on m.id = s.machine_id
      where m.name = p_machine and s.signal = wanted.signal);
  if v_wanted = 0 then
    return null;
  end if;
  select id into v_machine from machine where name = p_machine;
  if v_machine is null then
    if v_all.machines >= p_all_machines then
      return 'machines';
    elsif v_own.machines >= p_own_machines then
      return 'machines-per-key';
    -- A machine without a signal is nothing.
    elsif v_all.series >= p_all_series then
      return 'series';
    elsif v_own.series >= p_own_series then
      return 'series-per-key';
    end if;
    insert into machine (name, owner) values (p_machine, p_owner) returning id into v_machine;
    update registered set machines = machines + 1 where owner in ('', p_owner);
  end if;
  insert into series (machine_id, signal, kind, unit, max_gap_us, owner)
    select v_machine, w.signal, w.kind, w.unit, w.max_gap_us, p_owner
    from unnest(p_signal, p_kind, p_unit, p_max_gap_us) as w(signal, kind, unit, max_gap_us)
    where not exists (select from series s where s.machine_id = v_machine and s.signal = w.signal)
    order by w.signal
      limit greatest(0, least(p_all_series - v_all.series, p_own_series - v_own.series));
  get diagnostics v_made = row_count;
  update registered set series = series + v_made where owner in ('', p_owner);
  return case when v_made = v_wanted then null
    when p_all_series - v_all.series <= p_own_series - v_own.series then 'series'
      else 'series-per-key' end;
end $$;
comment on function register_series(
  text, text, text[], smallint[], text[], bigint[], integer, integer, integer, integer
) is
  'register_series() of earlier programs, whose series have neither learned gaps nor types';

create or replace function register_series(
  p_owner text, p_machine text, p_signal text[], p_kind smallint[], p_unit text[],
  p_max_gap_us bigint[], p_learned text[], p_learned_last bigint[], p_sample_type smallint[],
  p_own_machines integer, p_own_series integer, p_all_machines integer, p_all_series integer
) returns text language plpgsql as $$
begin
  return register_series(p_owner, p_machine, p_signal, p_kind, p_unit, p_max_gap_us, p_learned,
    p_learned_last, p_sample_type, array_fill(null::smallint, array[cardinality(p_signal)]),
    p_own_machines, p_own_series, p_all_machines, p_all_series);
end $$;
comment on function register_series(
  text, text, text[], smallint[], text[], bigint[], text[], bigint[], smallint[], integer, integer,
  integer, integer
) is
  'register_series() of programs up to migration 0051, which do not know of duplicates';

create or replace function redeclare(
  p_series integer, p_unit text, p_max_gap_us bigint, p_learned_us bigint[],
  p_learned_last_us bigint, p_sample_type smallint, p_any boolean, p_expected bigint[]
) returns boolean language plpgsql as $$
begin
  return redeclare(p_series, p_unit, p_max_gap_us, p_learned_us, p_learned_last_us, p_sample_type,
    null::smallint, p_any, p_expected);
end $$;
comment on function redeclare(
  integer, text, bigint, bigint[], bigint, smallint, boolean, bigint[]
) is
  'redeclare() of programs up to migration 0051, which do not know of duplicates';

create or replace function end_step(
  p_to bigint,
  h_series integer[], h_hour bigint[],
  r_series integer[], r_hour bigint[], r_count bigint[], r_first_us bigint[], r_last_us bigint[],
  r_min_us bigint[], r_max_us bigint[], r_covered bigint[], r_sum float8[], r_min float8[],
  r_max float8[], r_first float8[], r_last float8[], r_integral float8[],
  m_machine integer[], m_hour bigint[],
  s_machine integer[], s_width bigint[], s_start bigint[], s_transitions integer[],
  s_time bigint[], s_covered bigint[], s_integral float8[],
  q_revision bigint[], q_series integer[], q_reason text[]
) returns void language plpgsql as $$
begin
  perform note_changed_hours(p_to, h_series, h_hour);
  perform add_hour_rollups(p_to, r_series, r_hour, r_count, r_first_us, r_last_us, r_min_us,
    r_max_us, r_covered, r_sum, r_min, r_max, r_first, r_last, r_integral);
  perform add_state_rollups(p_to, s_machine, s_width, s_start, s_transitions, s_time, s_covered,
    s_integral);
  perform note_unreadable(q_revision, q_series, q_reason);
  perform end_step(p_to);
end $$;
comment on function end_step(
  bigint, integer[], bigint[], integer[], bigint[], bigint[], bigint[], bigint[], bigint[],
  bigint[], bigint[], float8[], float8[], float8[], float8[], float8[], float8[], integer[],
  bigint[], integer[], bigint[], bigint[], integer[], bigint[], bigint[], float8[], bigint[],
  integer[], text[]
) is
  'end_step() of programs up to migration 0046, which send everything at once. m_* are empty';

create or replace function roll_up_ahead(
  p_from bigint, p_began bigint,
  r_series integer[], r_hour bigint[], r_count bigint[], r_first_us bigint[], r_last_us bigint[],
  r_min_us bigint[], r_max_us bigint[], r_covered bigint[], r_sum float8[], r_min float8[],
  r_max float8[], r_first float8[], r_last float8[], r_integral float8[],
  s_machine integer[], s_width bigint[], s_start bigint[], s_transitions integer[],
  s_time bigint[], s_covered bigint[], s_integral float8[]
) returns boolean language plpgsql as $$
begin
  if not may_roll_up_ahead(p_began) then
    return false;
  end if;
  perform add_hour_rollups(p_from + 1, r_series, r_hour, r_count, r_first_us, r_last_us, r_min_us,
    r_max_us, r_covered, r_sum, r_min, r_max, r_first, r_last, r_integral);
  perform add_state_rollups(p_from + 1, s_machine, s_width, s_start, s_transitions, s_time,
    s_covered, s_integral);
  return true;
end $$;
comment on function roll_up_ahead is
  'Writes roll-ups that hold from the next revision on, for programs up to migration 0046';
