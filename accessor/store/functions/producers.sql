-- Who sends: registration, ownership, and numbers that were acknowledged and lost.

-- No hello may name such an id. Those of a principal are stored with the principal behind a slash,
-- which no id has: so nobody can name another's.
create or replace function is_derived(p_name text) returns boolean
language sql immutable parallel safe
  return p_name like 'rest:%' or p_name like 'http:%';
comment on function is_derived is
  'Whether the gateway made this id, for a POST or an Idempotency-Key';

create or replace function count_producers(p_owner text, p_derived boolean, p_by bigint)
returns void language sql as $$
  insert into producer_count (owner, derived, producers)
    values (coalesce(p_owner, ''), p_derived, greatest(p_by, 0))
    on conflict (owner, derived)
      do update set producers = greatest(producer_count.producers + p_by, 0);
$$;
comment on function count_producers is 'Adds to the number of producers that an owner has';

create or replace function may_register(p_name text, p_owner text, p_max bigint) returns boolean
language sql stable as $$
  select is_derived(p_name)
    or coalesce((select producers from producer_count where owner = coalesce(p_owner, '')
      and not derived), 0) < p_max
$$;
comment on function may_register is
  'Whether an owner may register one more producer. p_max: how many of its own naming it may '
  'have';

-- The caller holds the lock of revisions.
create or replace function register_producer(
  p_name text, p_owner text, p_max bigint, p_derived_ms bigint
) returns integer language plpgsql as $$
declare
  v_derived boolean := is_derived(p_name);
  v_id integer;
begin
  if not may_register(p_name, p_owner, p_max) then
    return null;
  end if;
  insert into producer (name, owner, expires_at)
    values (p_name, p_owner,
      case when v_derived then clock_timestamp() + p_derived_ms * interval '1 millisecond' end)
    returning id into v_id;
  perform count_producers(p_owner, v_derived, 1);
  return v_id;
end $$;
comment on function register_producer is
  'Registers a producer and returns its id; null if its owner has p_max of its own naming. '
  'p_derived_ms: how long a derived one lives';

-- The caller holds the lock of revisions.
create or replace function give_producer(p_id integer, p_owner text) returns void
language plpgsql as $$
declare
  v_producer record;
begin
  select p.owner, is_derived(p.name) as derived into strict v_producer from producer p
    where p.id = p_id;
  update producer set owner = p_owner where id = p_id;
  perform count_producers(v_producer.owner, v_producer.derived, -1);
  perform count_producers(p_owner, v_producer.derived, 1);
end $$;
comment on function give_producer is 'Gives a producer to a principal, or to nobody';

-- p_last becomes the floor, since the newest receipt of the producer is no longer its highest.
create or replace function fill_lost(p_producer integer, p_sequence bigint, p_last bigint)
returns void language plpgsql as $$
declare
  v_range record;
begin
  select l.ctid as at, l.first_sequence, l.last_sequence into strict v_range from lost_range l
    where l.producer_id = p_producer
      and p_sequence between l.first_sequence and l.last_sequence limit 1;
  if v_range.first_sequence = v_range.last_sequence then
    delete from lost_range where ctid = v_range.at;
  elsif v_range.first_sequence = p_sequence then
    update lost_range set first_sequence = p_sequence + 1 where ctid = v_range.at;
  else
    update lost_range set last_sequence = p_sequence - 1 where ctid = v_range.at;
    if p_sequence < v_range.last_sequence then
      insert into lost_range (producer_id, first_sequence, last_sequence)
        values (p_producer, p_sequence + 1, v_range.last_sequence);
    end if;
  end if;
  update producer set floor_sequence = p_last where id = p_producer and floor_sequence < p_last;
end $$;
comment on function fill_lost is
  'Stores a sequence that had been reported as lost: it is lost no longer. p_last: the last '
  'sequence of the producer';

-- What the producer has acks for beyond its last sequence is lost. A batch straight behind those is
-- accepted, and only then is the loss written down. A producer that returns to numbers that are
-- marked as lost is to send those next.
create or replace function open_producer(p_name text, p_acked bigint, p_principal text)
returns table (last_sequence bigint, lost_first bigint, lost_last bigint, is_foreign boolean)
language plpgsql stable as $$
#variable_conflict use_column
declare
  v_producer record;
  v_lost bigint;
begin
  perform assert_durable();
  select p.id, p.owner into v_producer from producer p where p.name = p_name;
  last_sequence := 0;
  is_foreign := false;
  if found then
    is_foreign := coalesce(v_producer.owner <> p_principal, false);
    last_sequence := last_sequence(v_producer.id, (select max(s.segment) from log_segment s));
    if p_acked < last_sequence then
      select min(l.first_sequence) into v_lost from lost_range l where l.producer_id = v_producer.id
        and l.last_sequence > p_acked;
      if v_lost is not null then
        last_sequence := greatest(v_lost - 1, p_acked);
      end if;
    end if;
  end if;
  if p_acked > last_sequence then
    lost_first := last_sequence + 1;
    lost_last := p_acked;
    last_sequence := p_acked;
  end if;
  return next;
end $$;
comment on function open_producer(text, bigint, text) is
  'Answers a producer''s hello: its last sequence, what it lost, and whether another principal '
  'owns it. Changes nothing';

-- Looks at p_limit of each, and forgets none that has a receipt left. The lock is held for a moment
-- only: receipts are looked for before, and in the lock only among those that came since.
create or replace function drop_idle_producers(p_max bigint, p_limit integer) returns integer
language plpgsql set enable_seqscan = off as $$
declare
  v_head bigint;
  v_expired integer[];
  v_many integer[];
  v_idle integer[];
  v_owner record;
begin
  select h.revision into v_head from log_head() h;
  v_expired := array(select id from producer where expires_at < clock_timestamp()
    order by expires_at limit p_limit);
  v_many := array(
    select p.id from producer_count c, lateral (
      select id from producer
      where owner = c.owner and expires_at is not null
        order by expires_at limit least(p_limit, c.producers - p_max)) p
    where c.derived and c.producers > p_max and c.owner <> '' limit p_limit);
  v_many := v_many || array(
    select p.id from producer_count c, lateral (
      select id from producer
      where owner is null and expires_at is not null
        order by expires_at limit least(p_limit, c.producers - p_max)) p
    where c.derived and c.producers > p_max and c.owner = '');
  v_idle := array(
    select id from (select unnest(v_expired) union select unnest(v_many)) as candidate(id)
    where not exists (select from receipt r where r.producer_id = candidate.id));
  if cardinality(v_expired) + cardinality(v_idle) = 0 then
    return 0;
  end if;

  perform lock_revisions();
  v_idle := array(select unnest(v_idle) except select r.producer_id from receipt r
    where r.revision >= v_head);
  delete from lost_range
    where producer_id in (select p.id from producer p where p.id = any(v_idle)
    and is_derived(p.name));
  for v_owner in
    with gone as (
      delete from producer p where p.id = any(v_idle)
        and (is_derived(p.name) or p.floor_sequence = 0)
        and not exists (select from lost_range l where l.producer_id = p.id)
      returning p.owner, is_derived(p.name) as derived)
    select owner, derived, count(*) as producers from gone group by owner, derived
  loop
    perform count_producers(v_owner.owner, v_owner.derived, -v_owner.producers);
  end loop;
  -- The others that had expired: in use still, or by now for good.
  update producer p set expires_at = case when is_derived(p.name)
    or (p.floor_sequence = 0 and p.id <> all(v_idle))
      then clock_timestamp() + interval '1 hour' end
    where p.id = any(v_expired);
  return cardinality(v_expired) + cardinality(v_idle);
end $$;
comment on function drop_idle_producers is
  'Forgets producers that have expired, and the oldest derived ones of owners with more than '
  'p_max. Returns how many it was done with';
