-- Whose a producer's numbers are, and how long they are kept. Nothing durable follows from a hello: a producer is registered, taken
-- into possession and moved over lost numbers with its first batch that is decided, in the same transaction as that batch's receipt.

-- Rotating a key keeps this: what belongs to its holder belongs to the holder of the new one.
alter table api_key add column identity text;
update api_key set identity = id;
alter table api_key alter column identity set not null;

-- owner: the principal that used it first ("key:…", "jwt:…"); null: nobody yet, or used without authentication only.
-- expires_at: null: never. Else it goes after this time, once none of its receipts is left.
alter table producer add column owner text;
alter table producer add column expires_at timestamptz;

-- Ids that the gateway makes: one for each POST, or for each Idempotency-Key. No hello may name them. Those of a principal are stored
-- with it behind a slash, which no id has: so nobody names another's.
create function is_derived(p_name text) returns boolean language sql immutable parallel safe
  return p_name like 'rest:%' or p_name like 'http:%';

-- How many producers a principal has ('' for nobody), those of its own naming and those of the gateway's.
create table producer_count (
  owner text not null,
  derived boolean not null,
  producers bigint not null,
  primary key (owner, derived)
);

-- What only said hello was registered for ever; and so was every POST.
update producer set expires_at = clock_timestamp() + interval '7 days' where is_derived(name);
update producer set expires_at = clock_timestamp() + interval '1 day' where floor_sequence = 0 and not is_derived(name);
insert into producer_count select '', is_derived(name), count(*) from producer group by is_derived(name);
create index producer_expires on producer (expires_at) where expires_at is not null;
create index producer_owner on producer (owner, expires_at);
create index lost_range_producer on lost_range (producer_id, last_sequence);

create function count_producers(p_owner text, p_derived boolean, p_by bigint) returns void language sql as $$
  insert into producer_count (owner, derived, producers) values (coalesce(p_owner, ''), p_derived, greatest(p_by, 0))
  on conflict (owner, derived) do update set producers = greatest(producer_count.producers + p_by, 0);
$$;

create function may_register(p_name text, p_owner text, p_max bigint) returns boolean language sql stable as $$
  select is_derived(p_name)
    or coalesce((select producers from producer_count where owner = coalesce(p_owner, '') and not derived), 0) < p_max
$$;

-- Called with the lock of revisions. Null: its owner has p_max of its own naming already.
create function register_producer(p_name text, p_owner text, p_max bigint, p_derived_ms bigint)
returns integer language plpgsql as $$
declare
  v_derived boolean := is_derived(p_name);
  v_id integer;
begin
  if not may_register(p_name, p_owner, p_max) then
    return null;
  end if;
  insert into producer (name, owner, expires_at)
    values (p_name, p_owner, case when v_derived then clock_timestamp() + p_derived_ms * interval '1 millisecond' end)
    returning id into v_id;
  perform count_producers(p_owner, v_derived, 1);
  return v_id;
end $$;

-- Gives a producer to a principal, or to nobody. Called with the lock of revisions.
create function give_producer(p_id integer, p_owner text) returns void language plpgsql as $$
declare
  v_producer record;
begin
  select p.owner, is_derived(p.name) as derived into strict v_producer from producer p where p.id = p_id;
  update producer set owner = p_owner where id = p_id;
  perform count_producers(v_producer.owner, v_producer.derived, -1);
  perform count_producers(p_owner, v_producer.derived, 1);
end $$;

-- Forgets producers that have expired, and of who has more than p_max of the gateway's naming the oldest; none that a receipt is left of. Looks
-- at p_limit of each; answers how many it was done with. The lock is held for a moment: receipts are looked for before, and in the lock
-- only among those that came since.
create function drop_idle_producers(p_max bigint, p_limit integer) returns integer language plpgsql set enable_seqscan = off as $$
declare
  v_head bigint;
  v_expired integer[];
  v_many integer[];
  v_idle integer[];
  v_owner record;
begin
  select h.revision into v_head from log_head() h;
  v_expired := array(select id from producer where expires_at < clock_timestamp() order by expires_at limit p_limit);
  v_many := array(
    select p.id from producer_count c, lateral (
      select id from producer
      where owner = c.owner and expires_at is not null order by expires_at limit least(p_limit, c.producers - p_max)) p
    where c.derived and c.producers > p_max and c.owner <> '' limit p_limit);
  v_many := v_many || array(
    select p.id from producer_count c, lateral (
      select id from producer
      where owner is null and expires_at is not null order by expires_at limit least(p_limit, c.producers - p_max)) p
    where c.derived and c.producers > p_max and c.owner = '');
  v_idle := array(
    select id from (select unnest(v_expired) union select unnest(v_many)) as candidate(id)
    where not exists (select from receipt r where r.producer_id = candidate.id));
  if cardinality(v_expired) + cardinality(v_idle) = 0 then
    return 0;
  end if;

  perform lock_revisions();
  v_idle := array(select unnest(v_idle) except select r.producer_id from receipt r where r.revision >= v_head);
  delete from lost_range where producer_id in (select p.id from producer p where p.id = any(v_idle) and is_derived(p.name));
  for v_owner in
    with gone as (
      delete from producer p where p.id = any(v_idle) and (is_derived(p.name) or p.floor_sequence = 0)
        and not exists (select from lost_range l where l.producer_id = p.id)
      returning p.owner, is_derived(p.name) as derived)
    select owner, derived, count(*) as producers from gone group by owner, derived
  loop
    perform count_producers(v_owner.owner, v_owner.derived, -v_owner.producers);
  end loop;
  -- The others that had expired: in use still, or by now for good.
  update producer p set expires_at = case when is_derived(p.name) or (p.floor_sequence = 0 and p.id <> all(v_idle))
      then clock_timestamp() + interval '1 hour' end
    where p.id = any(v_expired);
  return cardinality(v_expired) + cardinality(v_idle);
end $$;

-- As before, but for the segment's own producers, however many others there are; and without those that live for one POST only.
create or replace function retire_segment(p_segment integer) returns void language plpgsql as $$
begin
  update producer p set floor_sequence = last.sequence
    from (select producer_id, max(sequence) as sequence from receipt where segment = p_segment group by producer_id) last
    where p.id = last.producer_id and p.floor_sequence < last.sequence and p.name not like 'rest:%';
  delete from log_segment where segment = p_segment;
end $$;
