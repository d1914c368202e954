-- Who and what: the database's own identity, machines, series, producers.

-- Times as the contract has them: microseconds since 1970. Exact both ways.
create function to_us(t timestamptz) returns bigint language sql immutable parallel safe
  return (extract(epoch from t) * 1000000)::bigint;
create function from_us(us bigint) returns timestamptz language sql immutable parallel safe
  return timestamptz 'epoch' + us * interval '1 microsecond';

create table identity (
  only_row boolean primary key default true check (only_row),
  database_id uuid not null default gen_random_uuid(),
  created_at timestamptz not null default clock_timestamp()
);
insert into identity default values;

-- An epoch begins when history forks: at creation, and when the database was restored to an earlier point. A cursor (epoch, revision) is
-- of this history if the next epoch begins above its revision.
create table epoch (
  epoch integer primary key,
  first_revision bigint not null,
  timeline_id integer not null,
  started_at timestamptz not null default clock_timestamp()
);
insert into epoch (epoch, first_revision, timeline_id) select 1, 1, timeline_id from pg_control_checkpoint();

create table machine (
  id integer generated always as identity primary key,
  name text not null unique,
  first_seen_at timestamptz not null default clock_timestamp()
);

-- A signal of a machine. kind as in millrace.v1.SignalKind. What is declared with the first samples stays.
create table series (
  id integer generated always as identity primary key,
  machine_id integer not null references machine,
  signal text not null,
  kind smallint not null,
  unit text not null,
  max_gap_us bigint,
  unique (machine_id, signal)
);

-- floor_sequence: every sequence up to here is decided, whether or not its receipt is still kept.
create table producer (
  id integer generated always as identity primary key,
  name text not null unique,
  floor_sequence bigint not null default 0,
  first_seen_at timestamptz not null default clock_timestamp()
);

-- Sequences that were acknowledged once and are gone (the database was restored): what Welcome.lost told.
create table lost_range (
  producer_id integer not null references producer,
  first_sequence bigint not null,
  last_sequence bigint not null,
  noticed_at timestamptz not null default clock_timestamp()
);
