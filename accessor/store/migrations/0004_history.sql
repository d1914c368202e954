-- The history: what the log holds, in the order in which it happened. Blocks are inserted and never updated; a rewrite inserts new blocks and
-- ends the old ones at a watermark. A read at revision R takes the blocks current at the greatest watermark W <= R, and the log in (W, R].

-- One row a compaction: everything committed up to revision is in the history.
create table watermark (
  revision bigint primary key,
  compacted_at timestamptz not null default clock_timestamp()
);
insert into watermark (revision) values (0);

-- A block: samples of one series within one bucket (a minute, or an hour for sparse series), at most 8,192, packed (docs/block-format.md), and
-- what they come to. Blocks of a series that are current at one watermark never overlap in time. integral: value times seconds over pairs of
-- neighbours in the block not farther apart than the series' max_gap; covered_us: how long those pairs are together.
-- commits: which revision each run of samples came with (accessor/history/commit-runs.ts).
create table block (
  block_id bigint generated always as identity,
  valid_from bigint not null,
  bucket_us bigint not null,
  first_us bigint not null,
  last_us bigint not null,
  min_us bigint not null,
  max_us bigint not null,
  covered_us bigint not null,
  sum double precision not null,
  min double precision not null,
  max double precision not null,
  first double precision not null,
  last double precision not null,
  integral double precision not null,
  series_id integer not null,
  count integer not null,
  payload bytea not null,
  commits bytea not null
) partition by range (bucket_us);
-- Packed already. Out of line above 2 kB, so that summaries lie close together.
alter table block alter payload set storage external;
-- A series' blocks in order of time: of equal first samples, the block with the lower number holds the older ones.
create index block_series on block (series_id, bucket_us, first_us, block_id);

-- From this watermark on, a block is no longer current.
create table block_end (
  block_id bigint primary key,
  series_id integer not null,
  bucket_us bigint not null,
  ended_at bigint not null
);
create index block_end_at on block_end (ended_at);

-- An hour of a series. The row with the greatest valid_from <= W counts; one with a null count says that there is none at W (look at the blocks).
create table rollup_hour (
  valid_from bigint not null,
  hour_us bigint not null,
  first_us bigint,
  last_us bigint,
  min_us bigint,
  max_us bigint,
  covered_us bigint,
  count bigint,
  sum double precision,
  min double precision,
  max double precision,
  first double precision,
  last double precision,
  integral double precision,
  series_id integer not null,
  primary key (series_id, hour_us, valid_from)
);
-- What a tidy looks at: versions that are new since the last one.
create index rollup_hour_from on rollup_hour (valid_from);

-- Time and energy by state of a machine, by minute (width_us 60000000) and hour (3600000000), versioned as rollup_hour is. Arrays by number of
-- state: unknown 0, active 1, idle 2, fault 3, off 4. integral: of signal "power", value times seconds, the lines to the neighbours outside cut at
-- the edges, so that rows add up.
create table rollup_state (
  valid_from bigint not null,
  start_us bigint not null,
  width_us bigint not null,
  machine_id integer not null,
  transitions integer,
  time_us bigint[],
  covered_us bigint[],
  integral double precision[],
  primary key (machine_id, width_us, start_us, valid_from)
);
create index rollup_state_from on rollup_state (valid_from);

-- Hours that have changed since they were rolled up, or never were: of a series (signal's summary), of a machine (time and energy by state). Oldest
-- first, as they are worked off.
create table rollup_due (
  series_id integer not null,
  hour_us bigint not null,
  primary key (hour_us, series_id)
);
create table rollup_state_due (
  machine_id integer not null,
  hour_us bigint not null,
  primary key (hour_us, machine_id)
);

-- How far tidying got: roll-ups superseded at this watermark or before are gone.
create table tidied (
  only_row boolean primary key default true check (only_row),
  rollups_through bigint not null default 0
);
insert into tidied default values;

-- Log rows that compaction could not read: kept, reported, passed over.
create table quarantine (
  revision bigint not null,
  series_id integer not null,
  reason text not null,
  payload bytea not null,
  quarantined_at timestamptz not null default clock_timestamp()
);

-- Partitions of block: a week each, from a Thursday (as 1970-01-01 was).
create function block_partition(p_bucket bigint, out name text, out from_us bigint, out to_us bigint) language sql immutable as $$
  select 'block_' || to_char(from_us(w.start) at time zone 'UTC', 'YYYYMMDD'), w.start, w.start + 604800000000
  from (select floor(p_bucket::numeric / 604800000000)::bigint * 604800000000) as w(start)
$$;

-- Makes one and attaches it, so that nobody who reads or writes waits. False if it is there.
create function make_block_partition(p_bucket bigint) returns boolean language plpgsql as $$
declare
  v record;
begin
  select * into strict v from block_partition(p_bucket);
  if to_regclass(v.name) is not null then
    return false;
  end if;
  execute format('create table %I (like block including defaults including constraints including storage)', v.name);
  execute format('alter table block attach partition %I for values from (%s) to (%s)', v.name, v.from_us, v.to_us);
  return true;
end $$;
