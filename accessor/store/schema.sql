-- What the migrations and the files in functions/ and views/ come to. `npm run schema` writes this,
-- a test keeps it true, and nothing runs it. Partitions are left out.

-- Machines whose hours before before_us are not in alive_hour yet: those of a database that is
-- older than that table. Until they are, nobody calls the machine silent there
create table alive_due (
  -- The machine
  machine_id integer not null,
  -- Hours from here on are there. Microseconds since 1970
  before_us bigint not null default '9007199254740991'::bigint,
  PRIMARY KEY (machine_id)
);

-- In which minutes a machine gave a sign of life. The row with the greatest valid_from up to a
-- watermark counts, and holds all minutes of earlier versions. An hour without a row has no such
-- minute
create table alive_hour (
  -- Start of the hour, microseconds since 1970
  hour_us bigint not null,
  -- The watermark from which on this version counts
  valid_from bigint not null,
  -- Bit i, from the lowest, is minute i of the hour
  minutes bigint not null,
  -- The machine
  machine_id integer not null,
  -- The first such minute, 0 to 59
  first_minute smallint not null,
  -- The last such minute, 0 to 59
  last_minute smallint not null,
  PRIMARY KEY (machine_id, hour_us, valid_from)
);
CREATE INDEX alive_hour_from ON alive_hour USING btree (valid_from);

-- Keys: who may do what with which machines
create table api_key (
  -- The public half of the key, 12 hexadecimal digits
  id text not null,
  -- What people call it
  name text not null,
  -- SHA-256 of the secret half, which is stored nowhere
  digest bytea not null,
  -- What it may do, such as read
  scopes text[] not null,
  -- Patterns of names of machines; * stands for any characters
  machines text[] not null,
  -- Patterns of producer ids; * stands for any characters
  producers text[] not null,
  -- When it was made
  created_at timestamptz not null default clock_timestamp(),
  -- Until when it is valid; null: for ever
  expires_at timestamptz,
  -- When it was revoked; null: it was not
  revoked_at timestamptz,
  -- When it was last used, to the minute; null: never
  last_used_at timestamptz,
  -- Whose it is. Stays when the key is rotated
  identity text not null,
  PRIMARY KEY (id),
  CHECK (((length(name) >= 1) AND (length(name) <= 100))),
  CHECK ((id ~ '^[0-9a-f]{12}$'::text)),
  CHECK ((length(digest) = 32))
);

-- Samples of one series in one bucket, at most 8,192, packed (docs/block-format.md), and their
-- summary. Inserted and never updated: a rewrite adds blocks and ends old ones. Current blocks of a
-- series never overlap in time
create table block (
  -- Number. Of blocks with equal first samples, the lower one holds the older samples
  block_id bigint not null generated always as identity,
  -- The watermark from which on it counts
  valid_from bigint not null,
  -- Start of the bucket (a minute, or an hour if the series is sparse), microseconds since 1970
  bucket_us bigint not null,
  -- Time of the first sample, microseconds since 1970
  first_us bigint not null,
  -- Time of the last sample, microseconds since 1970
  last_us bigint not null,
  -- When the minimum was first reached, microseconds since 1970
  min_us bigint not null,
  -- When the maximum was first reached, microseconds since 1970
  max_us bigint not null,
  -- Microseconds under lines between samples of this block that are at most max_gap apart
  covered_us bigint not null,
  -- Sum of the values
  sum float8 not null,
  -- Least value
  min float8 not null,
  -- Greatest value
  max float8 not null,
  -- First value
  first float8 not null,
  -- Last value
  last float8 not null,
  -- Value times seconds under these lines; of a counter its increase
  integral float8 not null,
  -- The series
  series_id integer not null,
  -- Number of samples
  count integer not null,
  -- The packed samples, but for what is in tail
  payload bytea not null,
  -- With which revision each run of samples came (accessor/history/commit-runs.ts)
  commits bytea not null,
  -- The end of the packed samples, which fills no whole chunk out of line; empty in old blocks
  tail bytea not null default '\x'::bytea
) partition by RANGE (bucket_us);
alter table block alter payload set storage external;
alter table block alter tail set storage plain;
CREATE INDEX block_series ON block USING btree (series_id, bucket_us, first_us, block_id);
CREATE INDEX block_time ON block USING btree (series_id, from_us(bucket_us));

-- Blocks that are no longer current
create table block_end (
  -- The block
  block_id bigint not null,
  -- The series of the block
  series_id integer not null,
  -- The bucket of the block, microseconds since 1970
  bucket_us bigint not null,
  -- The watermark from which on it does not count
  ended_at bigint not null,
  PRIMARY KEY (block_id)
);
CREATE INDEX block_end_at ON block_end USING btree (ended_at);

-- Each hour from that of the first change of a state to the end of tomorrow, without a hole
create table clock_hour (
  -- Start of the hour
  "time" timestamptz not null,
  -- The same in microseconds since 1970
  hour_us bigint not null,
  PRIMARY KEY ("time")
);

-- A step of compaction locks this table until it commits. It is always empty
create table compaction_lock (
  -- No row passes the check
  nothing boolean,
  CHECK (false)
);

-- Epochs of the history. One begins when the history forks: at creation, on a new timeline, or when
-- the database was put back. A cursor (epoch, revision) is of this history if the next epoch begins
-- above its revision
create table epoch (
  -- Number, ascending
  epoch integer not null,
  -- The first revision of the epoch
  first_revision bigint not null,
  -- The timeline of PostgreSQL that it is written to
  timeline_id integer not null,
  -- When it began
  started_at timestamptz not null default clock_timestamp(),
  PRIMARY KEY (epoch)
);

-- Errors as they were sent
create table error_report (
  -- The commit that it came with
  revision bigint not null,
  -- When it happened, microseconds since 1970
  time_us bigint not null,
  -- The machine
  machine_id integer not null,
  -- Its place in the list of its batch, from 0
  "position" integer not null,
  -- millrace.v1.Severity as a number
  severity smallint not null,
  -- The code of the error
  code text not null,
  -- What it says
  message text not null
);
CREATE INDEX error_report_from_us ON error_report USING btree (from_us(time_us));
CREATE INDEX error_report_machine ON error_report USING btree (machine_id, time_us, revision,
  "position");
CREATE INDEX error_report_time ON error_report USING btree (time_us, revision, "position");

-- Which functions and views this database has. One row
create table function_set (
  -- Always true
  only_row boolean not null default true,
  -- SHA-256 of the files in accessor/store/functions and accessor/store/views
  digest text not null,
  -- When they were last created
  replaced_at timestamptz not null default clock_timestamp(),
  PRIMARY KEY (only_row),
  CHECK (only_row)
);

-- Commits that compaction could not put into the history and passed over
create table held_commit (
  -- The commit
  revision bigint not null,
  -- Why
  reason text not null,
  -- When it was passed over
  held_at timestamptz not null default clock_timestamp(),
  -- The watermark from which on the history has it after all; null: it has not
  released_at bigint,
  PRIMARY KEY (revision)
);

-- Rows of the log of held commits, where reads find them as if they waited in the log
create table held_log (
  -- The commit
  revision bigint not null,
  -- Time of the first record, microseconds since 1970
  first_us bigint not null,
  -- Time of the last record, microseconds since 1970
  last_us bigint not null,
  -- The series
  series_id integer not null,
  -- Number of records
  sample_count integer not null,
  -- As in log
  payload bytea not null,
  -- As in held_commit
  released_at bigint,
  PRIMARY KEY (series_id, revision)
);
alter table held_log alter payload set storage external;
CREATE INDEX held_log_revision ON held_log USING btree (revision);

-- Which database this is. One row
create table identity (
  -- Always true
  only_row boolean not null default true,
  -- Drawn when the database was made. Cursors name it
  database_id uuid not null default gen_random_uuid(),
  -- When the database was made
  created_at timestamptz not null default clock_timestamp(),
  PRIMARY KEY (only_row),
  CHECK (only_row)
);

-- The hours of the days of kept_minute_day: samples_hour looks them up
create table kept_hour (
  -- Start of the hour
  "time" timestamptz not null,
  -- The same in microseconds since 1970
  hour_us bigint not null,
  PRIMARY KEY ("time")
);

-- The minutes of the days of kept_minute_day: samples_minute looks them up
create table kept_minute (
  -- Start of the minute
  "time" timestamptz not null,
  -- Start of its hour, microseconds since 1970
  hour_us bigint not null,
  PRIMARY KEY ("time")
);
alter table kept_minute alter hour_us set (n_distinct=1);

-- UTC days in which a series that is kept by the hour, or holds its values, has samples
create table kept_minute_day (
  -- Start of the day
  "time" timestamptz not null,
  -- Whether its minutes are in kept_minute
  made boolean not null default false,
  PRIMARY KEY ("time")
);
CREATE INDEX kept_minute_day_due ON kept_minute_day USING btree ("time") WHERE (NOT made);
CREATE TRIGGER kept_day_added AFTER INSERT ON kept_minute_day REFERENCING NEW TABLE AS added FOR
  EACH STATEMENT EXECUTE FUNCTION add_kept_hours();
CREATE TRIGGER kept_day_gone AFTER DELETE ON kept_minute_day REFERENCING OLD TABLE AS gone FOR EACH
  STATEMENT EXECUTE FUNCTION drop_kept_hours();

-- What an ack means, in the order in which it arrived: a row for each batch and series.
-- Append-only, cut into segments that are dropped whole
create table log (
  -- The commit. Counts 1, 2, 3 … without holes
  revision bigint not null,
  -- Time of the first record, microseconds since 1970
  first_us bigint not null,
  -- Time of the last record, microseconds since 1970
  last_us bigint not null,
  -- The series
  series_id integer not null,
  -- Number of records
  sample_count integer not null,
  -- The segment, which is the partition
  segment integer not null,
  -- Samples as a block (docs/block-format.md); states and errors as a millrace.v1.Batch with this
  -- one list
  payload bytea not null
) partition by LIST (segment);
alter table log alter payload set storage external;
CREATE INDEX log_revision ON log USING btree (revision);
CREATE INDEX log_series_last ON log USING btree (series_id, last_us);
CREATE INDEX log_series_revision ON log USING btree (series_id, revision);

-- Segments of log and receipt. The one with the greatest number is written to
create table log_segment (
  -- Number
  segment integer not null,
  -- The first revision that it may hold
  first_revision bigint not null,
  -- When it was opened
  opened_at timestamptz not null default clock_timestamp(),
  PRIMARY KEY (segment)
);

-- Sequences that were acknowledged once and are gone, since the database was restored
create table lost_range (
  -- The producer
  producer_id integer not null,
  -- The first sequence that is lost
  first_sequence bigint not null,
  -- The last sequence that is lost
  last_sequence bigint not null,
  -- When the loss was written down
  noticed_at timestamptz not null default clock_timestamp(),
  FOREIGN KEY (producer_id) REFERENCES producer(id)
);
CREATE INDEX lost_range_producer ON lost_range USING btree (producer_id, last_sequence);

-- Machines that have sent anything
create table machine (
  -- Number
  id integer not null generated always as identity,
  -- Name, in the normal form C of Unicode
  name text not null,
  -- When it was registered
  first_seen_at timestamptz not null default clock_timestamp(),
  -- Whose quota it counts in; null: registered before there were quotas
  owner text,
  PRIMARY KEY (id),
  UNIQUE (name)
);

-- What machines are called and labelled, as they are now
create table machine_description (
  -- Its number
  id integer not null generated always as identity,
  -- Name of the machine, which need not exist yet
  machine text not null,
  -- Its name for people; empty: none
  display_name text not null default ''::text,
  -- Its labels: texts by key
  labels jsonb not null default '{}'::jsonb,
  -- Number of the newest change of the row: higher than all earlier ones of all rows
  changed bigint not null,
  PRIMARY KEY (id),
  UNIQUE (changed),
  UNIQUE (machine)
);

-- What page tokens are signed with. One row, the same for all accessors; a secret
create table page_key (
  -- Always true
  only_row boolean not null default true,
  -- 256 random bits
  key bytea not null,
  PRIMARY KEY (only_row),
  CHECK ((length(key) = 32)),
  CHECK (only_row)
);

-- Producers: who numbers batches
create table producer (
  -- Number
  id integer not null generated always as identity,
  -- Its id in the contract; of derived ones behind a slash the principal too
  name text not null,
  -- Every sequence up to here is decided, whether or not its receipt is still there
  floor_sequence bigint not null default 0,
  -- When it was registered
  first_seen_at timestamptz not null default clock_timestamp(),
  -- The principal that used it first; null: nobody, or only without authentication
  owner text,
  -- It goes after this time, once none of its receipts is left; null: never
  expires_at timestamptz,
  PRIMARY KEY (id),
  UNIQUE (name)
);
CREATE INDEX producer_expires ON producer USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX producer_owner ON producer USING btree (owner, expires_at);

-- How many producers a principal has
create table producer_count (
  -- The principal; empty: nobody
  owner text not null,
  -- Whether those that the gateway made ids for
  derived boolean not null,
  -- How many
  producers bigint not null,
  PRIMARY KEY (owner, derived)
);

-- Rows of the log that compaction could not read and passed over
create table quarantine (
  -- The commit
  revision bigint not null,
  -- The series
  series_id integer not null,
  -- What is wrong with it
  reason text not null,
  -- As in log
  payload bytea not null,
  -- When it was passed over
  quarantined_at timestamptz not null default clock_timestamp()
);

-- A row for each batch that is decided: proof against duplicates, and what to answer if the batch
-- comes again
create table receipt (
  -- Its commit; of a batch that stored nothing, the newest one at that time
  revision bigint not null,
  -- Its number, which its producer gave it
  sequence bigint not null,
  -- When it was committed. Never goes back
  committed_at timestamptz not null,
  -- The producer
  producer_id integer not null,
  -- The segment, which is the partition
  segment integer not null,
  -- The first 16 bytes of the SHA-256 of the batch (accessor/ingest/digest.ts)
  digest bytea not null,
  -- A millrace.v1.BatchResult; null: it was stored whole
  result bytea
) partition by LIST (segment);
CREATE INDEX receipt_committed ON receipt USING brin (committed_at);
CREATE INDEX receipt_producer ON receipt USING btree (producer_id, sequence);
CREATE INDEX receipt_revision ON receipt USING btree (revision);

-- Series that other processes know with an older declaration, each in its newest place. A process
-- remembers how far it has read
create table redeclared (
  -- Number, ascending
  n bigint not null generated always as identity,
  -- The series
  series_id integer not null,
  PRIMARY KEY (n),
  UNIQUE (series_id)
);

-- How many machines and series an owner has registered
create table registered (
  -- The owner; empty: all together
  owner text not null,
  -- How many machines
  machines integer not null default 0,
  -- How many series
  series integer not null default 0,
  PRIMARY KEY (owner)
);

-- How often retention removed something. One row
create table removal (
  -- Always true
  single boolean not null default true,
  -- How often, counted before and after each removal
  count bigint not null,
  -- Up to which time at most, microseconds since 1970
  before_us bigint not null,
  PRIMARY KEY (single),
  CHECK (single)
);

-- A writer of revisions locks this table until it commits. It is always empty
create table revision_lock (
  -- No row passes the check
  nothing boolean,
  CHECK (false)
);

-- Hours of series that changed since they were rolled up, or never were
create table rollup_due (
  -- The series
  series_id integer not null,
  -- Start of the hour, microseconds since 1970
  hour_us bigint not null,
  PRIMARY KEY (hour_us, series_id)
);

-- Summaries of hours of series. The row with the greatest valid_from up to a watermark counts; one
-- with a null count says that there is none, so the blocks are to be summed up
create table rollup_hour (
  -- The watermark from which on this version counts
  valid_from bigint not null,
  -- Start of the hour, microseconds since 1970
  hour_us bigint not null,
  -- As in block
  first_us bigint,
  -- As in block
  last_us bigint,
  -- As in block
  min_us bigint,
  -- As in block
  max_us bigint,
  -- As in block, of the hour
  covered_us bigint,
  -- Number of samples; null: no summary
  count bigint,
  -- As in block
  sum float8,
  -- As in block
  min float8,
  -- As in block
  max float8,
  -- As in block
  first float8,
  -- As in block
  last float8,
  -- As in block, of the hour
  integral float8,
  -- The series
  series_id integer not null,
  PRIMARY KEY (series_id, hour_us, valid_from)
);
CREATE INDEX rollup_hour_from ON rollup_hour USING btree (valid_from);
CREATE INDEX rollup_hour_time ON rollup_hour USING btree (series_id, from_us(hour_us));

-- Time and energy by state of a machine, by minute and by hour. Versions as in rollup_hour. Arrays
-- by number of state: unknown 0, active 1, idle 2, fault 3, off 4
create table rollup_state (
  -- The watermark from which on this version counts
  valid_from bigint not null,
  -- Start of the minute or hour, microseconds since 1970
  start_us bigint not null,
  -- Microseconds of a minute or of an hour
  width_us bigint not null,
  -- The machine
  machine_id integer not null,
  -- How often the state changed; null: no summary
  transitions integer,
  -- Microseconds in each state
  time_us bigint[],
  -- Microseconds of each state that signal power covers
  covered_us bigint[],
  -- Signal power times seconds in each state, with lines cut at its edges
  integral float8[],
  PRIMARY KEY (machine_id, width_us, start_us, valid_from)
);
CREATE INDEX rollup_state_from ON rollup_state USING btree (valid_from);

-- Hours of machines that changed since they were rolled up, or never were
create table rollup_state_due (
  -- The machine
  machine_id integer not null,
  -- Start of the hour, microseconds since 1970
  hour_us bigint not null,
  PRIMARY KEY (hour_us, machine_id)
);

-- Migrations that were applied
create table schema_migration (
  -- Number
  version integer not null,
  -- Name of the file
  name text not null,
  -- SHA-256 of the file
  checksum text not null,
  -- When it was applied
  applied_at timestamptz not null default clock_timestamp(),
  PRIMARY KEY (version)
);

-- A signal of a machine and what it declares
create table series (
  -- Number
  id integer not null generated always as identity,
  -- The machine
  machine_id integer not null,
  -- Name of the signal
  signal text not null,
  -- millrace.v1.SignalKind as a number
  kind smallint not null,
  -- Unit; empty: none is declared
  unit text not null,
  -- Samples farther apart than so many microseconds have a gap between them; null for states and
  -- errors
  max_gap_us bigint,
  -- Whose quota it counts in; null: registered before there were quotas
  owner text,
  -- Distances in microseconds between the first samples, which max_gap_us is inferred from; null:
  -- it was declared
  learned_us bigint[],
  -- Time of the last of these samples, microseconds since 1970
  learned_last_us bigint,
  -- Sums of blocks and roll-ups with valid_from up to here are of an earlier declaration, and
  -- nobody may use them; null: all are of this one
  stale_through bigint,
  -- When sums became stale last; null: never
  redeclared_at timestamptz,
  -- Width of its buckets in microseconds, fixed by the first compaction; null: nothing is compacted
  -- yet
  bucket_us bigint,
  -- millrace.v1.SampleType as a number; null: nobody declared it, so it is linear
  sample_type smallint,
  -- What equal records mean, as millrace.v1.Duplicates numbers it: 1 keep, 2 drop. Null: not
  -- declared, so they are kept
  duplicates smallint,
  PRIMARY KEY (id),
  UNIQUE (machine_id, signal),
  FOREIGN KEY (machine_id) REFERENCES machine(id)
);
CREATE INDEX series_stale ON series USING btree (id) WHERE (stale_through IS NOT NULL);
CREATE TRIGGER series_declaration_changed AFTER UPDATE OF max_gap_us, sample_type ON series FOR EACH
  ROW WHEN (old.max_gap_us IS DISTINCT FROM new.max_gap_us OR old.sample_type IS DISTINCT FROM
  new.sample_type) EXECUTE FUNCTION note_days_again();

-- UTC days in which a numeric series has samples, or a value that holds
create table series_day (
  -- The series
  series_id integer not null,
  -- Start of the day
  "time" timestamptz not null,
  PRIMARY KEY (series_id, "time")
);

-- Series whose days are to be found again
create table series_day_due (
  -- The series
  series_id integer not null,
  PRIMARY KEY (series_id)
);

-- States as they were sent
create table state_change (
  -- The commit that it came with
  revision bigint not null,
  -- When it began, microseconds since 1970
  time_us bigint not null,
  -- The machine
  machine_id integer not null,
  -- Its place in the list of its batch, from 0
  "position" integer not null,
  -- millrace.v1.MachineState as a number
  state smallint not null,
  -- Why, in words of the machine
  reason text not null
);
CREATE INDEX state_change_from_us ON state_change USING btree (from_us(time_us));
CREATE INDEX state_change_machine ON state_change USING btree (machine_id, time_us, revision,
  "position");
CREATE INDEX state_change_time ON state_change USING btree (time_us, revision, "position");

-- How far tidying got. One row
create table tidied (
  -- Always true
  only_row boolean not null default true,
  -- Roll-ups that were superseded at this watermark or before are gone
  rollups_through bigint not null default 0,
  PRIMARY KEY (only_row),
  CHECK (only_row)
);

-- When which part of a series was last changed, up to the watermark: what versions of answers
-- depend on. By minute, hour and day of UTC
create table touched (
  -- Start of the part, microseconds since 1970
  start_us bigint not null,
  -- Length of the part in microseconds
  width_us bigint not null,
  -- The last commit that changed it
  revision bigint not null,
  -- The series
  series_id integer not null,
  PRIMARY KEY (series_id, width_us, start_us)
);
alter table touched set (fillfactor=70);

-- Steps of compaction: everything committed up to revision is in the history
create table watermark (
  -- The newest commit in the history
  revision bigint not null,
  -- When the step ended
  compacted_at timestamptz not null default clock_timestamp(),
  PRIMARY KEY (revision)
);

-- Stretches in which the clocks of a time zone are so far ahead of UTC, as the Node of the accessor
-- knows them
create table zone_clock (
  -- Name of the zone in lower case
  zone text not null,
  -- Where the stretch begins, microseconds since 1970
  from_us bigint not null,
  -- Where it ends, microseconds since 1970
  to_us bigint not null,
  -- Microseconds that the clocks are ahead of UTC
  offset_us bigint not null,
  -- Version of the time zone data
  version text not null,
  PRIMARY KEY (zone, from_us)
);

-- Views: views/ has their text.

-- How far the history is behind the log. time: of the last step; lag_seconds: age of the oldest
-- commit that is only in the log; hours_due: hours of signals and machines that are over and not
-- rolled up, 100,000 at most
-- view millrace_v1.compaction
--   "time" timestamptz: When the last step of compaction ended
--   watermark bigint: The newest commit in the history
--   head bigint: The newest commit of all
--   lag_commits bigint: Commits that are only in the log
--   lag_seconds float8: Age of the oldest of them in seconds
--   quarantined bigint: Rows that could not be read
--   held bigint: Commits that could not be compacted; samples() includes them
--   hours_due bigint: Hours of signals and machines that are over and not rolled up, 100,000 at
--     most

-- As they were sent
-- view millrace_v1.error_reports
--   "time" timestamptz: When it happened
--   machine text: Name of the machine
--   severity text: INFO, WARNING, ERROR, CRITICAL or UNKNOWN
--   code text: The code of the error
--   message text: What it says

-- The newest record of each signal of each machine: a value, a state or an error. Nothing lags
-- view millrace_v1.latest
--   machine text: Name of the machine
--   signal text: Name of the signal
--   unit text: Its unit; empty: none is declared
--   "time" timestamptz: Of the record
--   value float8: Of a numeric signal, in its unit
--   state text: ACTIVE, IDLE, FAULT, OFF or UNKNOWN
--   reason text: Why, in words of the machine
--   severity text: INFO, WARNING, ERROR, CRITICAL or UNKNOWN
--   code text: The code of the error
--   message text: What it says

-- Machines that have sent anything or are described, with their descriptions and the names of their
-- signals
-- view millrace_v1.machines
--   machine text: Name of the machine
--   first_seen_time timestamptz: When its first record was stored; null: it has sent none
--   signals text[]: Names of its signals
--   display_name text: Its name for people; null if it has none
--   labels jsonb: Its labels: texts by key

-- Samples by the day in UTC, of every numeric signal. Without the last minute or so, see compaction
-- view millrace_v1.samples_day
--   machine text: Name of the machine
--   signal text: Name of the signal
--   unit text: Its unit; empty: none is declared
--   "time" timestamptz: Where the day begins, in UTC
--   count bigint: Number of samples; 0 where only a line crosses or a value holds
--   min float8: Least value
--   max float8: Greatest value
--   mean float8: Mean of the samples
--   first float8: First value
--   last float8: Last value
--   integral float8: Value times seconds; null for a COUNTER
--   covered_seconds float8: Seconds that lie under lines between samples
--   kwh float8: Energy of signal power in kWh; null for other signals
--   increase float8: How far a COUNTER went up; null for other signals
--   rate float8: Increase of a COUNTER per second; null for other signals
--   sample_type text: LINEAR, STEP or COUNTER

-- Samples by the hour, of every numeric signal. Without the last minute or so, see compaction
-- view millrace_v1.samples_hour
--   machine text: Name of the machine
--   signal text: Name of the signal
--   unit text: Its unit; empty: none is declared
--   "time" timestamptz: Where the hour begins
--   count bigint: Number of samples; 0 where only a line crosses or a value holds
--   min float8: Least value
--   max float8: Greatest value
--   mean float8: Mean of the samples
--   first float8: First value
--   last float8: Last value
--   integral float8: Value times seconds; null for a COUNTER
--   covered_seconds float8: Seconds that lie under lines between samples
--   kwh float8: Energy of signal power in kWh; null for other signals
--   increase float8: How far a COUNTER went up; null for other signals
--   rate float8: Increase of a COUNTER per second; null for other signals
--   sample_type text: LINEAR, STEP or COUNTER

-- Samples by the minute, of every numeric signal. Without the last minute or so, see compaction
-- view millrace_v1.samples_minute
--   machine text: Name of the machine
--   signal text: Name of the signal
--   unit text: Its unit; empty: none is declared
--   "time" timestamptz: Where the minute begins
--   count bigint: Number of samples; 0 where only a line crosses or a value holds
--   min float8: Least value
--   max float8: Greatest value
--   mean float8: Mean of the samples
--   first float8: First value
--   last float8: Last value
--   integral float8: Value times seconds; null for a COUNTER
--   covered_seconds float8: Seconds that lie under lines between samples
--   kwh float8: Energy of signal power in kWh; null for other signals
--   increase float8: How far a COUNTER went up; null for other signals
--   rate float8: Increase of a COUNTER per second; null for other signals
--   sample_type text: LINEAR, STEP or COUNTER

-- Signals of machines and what they declare. Durations: seconds
-- view millrace_v1.signals
--   machine text: Name of the machine
--   signal text: Name of the signal
--   kind text: STATE, EVENT, NUMERIC or UNKNOWN
--   unit text: Its unit; empty: none is declared
--   max_gap_seconds float8: Samples farther apart than so many seconds have a gap between them
--   bucket_seconds integer: How many seconds of samples are packed together
--   max_gap_inferred boolean: Whether max_gap was inferred; false: declared
--   sample_type text: LINEAR, STEP or COUNTER
--   max_gap text: As rows declare it; null while it may still change
--   duplicates text: What equal records are: KEEP, several; DROP, one

-- As they were sent, repeated states too
-- view millrace_v1.state_changes
--   "time" timestamptz: When the state began
--   machine text: Name of the machine
--   state text: ACTIVE, IDLE, FAULT, OFF or UNKNOWN
--   reason text: Why, in words of the machine

-- Time and energy by state, of hours that are over and rolled up. kwh: of signal power; null where
-- none was measured in that state or its unit gives no watts
-- view millrace_v1.state_hours
--   machine text: Name of the machine
--   "time" timestamptz: Where the hour begins
--   state text: ACTIVE, IDLE, FAULT or OFF; UNKNOWN before the first state of the machine
--   seconds float8: Seconds of the hour in this state
--   kwh float8: Energy of signal power in this state, in kWh
--   covered_seconds float8: Seconds of it that signal power covers
--   silent_seconds float8: Seconds of it in which the machine was silent

-- What each machine was doing from when to when, to the newest commit. end_time and seconds: null
-- while it lasts
-- view millrace_v1.state_intervals
--   machine text: Name of the machine
--   state text: ACTIVE, IDLE, FAULT, OFF or UNKNOWN
--   start_time timestamptz: When the state began
--   end_time timestamptz: When it ended; null while it lasts
--   seconds float8: How long it lasted; null while it lasts

-- Bytes on disk with indexes, superseded blocks included, over the records that are current
-- view millrace_v1.storage
--   part text: Kind of data
--   bytes bigint: Bytes on disk, with indexes
--   records bigint: Current samples, changes or reports; null: not counted
--   bytes_per_record float8: Bytes for each of them

-- Functions: functions/ has their text.

-- function add_blocks(p_to bigint, b_series integer[], b_bucket bigint[], b_count integer[],
--   b_first_us bigint[], b_last_us bigint[], b_min_us bigint[], b_max_us bigint[], b_covered
--   bigint[], b_sum float8[], b_min float8[], b_max float8[], b_first float8[], b_last float8[],
--   b_integral float8[], b_payload bytea[], b_commits bytea[], e_block bigint[], e_series
--   integer[], e_bucket bigint[])
--   returns void; sql, volatile
--   Adds new blocks (b_*, of each series in order of time) and ends old ones (e_*) at revision p_to

-- function add_hour_rollups(p_valid_from bigint, r_series integer[], r_hour bigint[], r_count
--   bigint[], r_first_us bigint[], r_last_us bigint[], r_min_us bigint[], r_max_us bigint[],
--   r_covered bigint[], r_sum float8[], r_min float8[], r_max float8[], r_first float8[], r_last
--   float8[], r_integral float8[])
--   returns void; plpgsql, volatile
--   Adds roll-ups of hours of series that hold from a revision on. The hours are due no longer

-- function add_kept_hours()
--   returns trigger; plpgsql, volatile
--   Trigger: adds the hours of days that are added

-- function add_state_rollups(p_valid_from bigint, s_machine integer[], s_width bigint[], s_start
--   bigint[], s_transitions integer[], s_time bigint[], s_covered bigint[], s_integral float8[])
--   returns void; plpgsql, volatile
--   Adds roll-ups of hours of machines that hold from a revision on. The hours are due no longer

-- function assert_durable()
--   returns void; plpgsql, stable
--   Fails with MR001 if PostgreSQL is set up so that a commit could be lost

-- function assert_epoch(p_newest integer)
--   returns void; plpgsql, volatile
--   Fails with MR002 if the caller knows another epoch, by the setting millrace.epoch

-- function assert_repeats_known(r_series integer[], r_first bigint[], r_last bigint[], r_seen
--   bigint[])
--   returns boolean; plpgsql, volatile, set enable_sort=off, enable_seqscan=off
--   Locks revisions. Fails with MR003 if, after the revision r_seen, something was committed to a
--   series between r_first and r_last

-- function await_older_version(p_key integer)
--   returns void; plpgsql, volatile
--   Waits for programs that know advisory locks only

-- function begin_epoch(p_anyway boolean DEFAULT false)
--   returns integer; plpgsql, volatile
--   Begins an epoch if this is a new timeline, or p_anyway. Returns the newest epoch

-- function begin_step(p_from bigint)
--   returns void; plpgsql, volatile
--   Lets one step at a time go on. Fails if the watermark is not at p_from, or if the epoch is over

-- function block_partition(p_bucket bigint, OUT name text, OUT from_us bigint, OUT to_us bigint)
--   returns record; sql, immutable
--   Name and range, in microseconds, of the partition of a week

-- function block_payloads(p_series integer[], p_bucket bigint[], p_block bigint[])
--   returns TABLE(block_id bigint, payload bytea, commits bytea); plpgsql, stable
--   Payload and commits of blocks

-- function count_producers(p_owner text, p_derived boolean, p_by bigint)
--   returns void; sql, volatile
--   Adds to the number of producers that an owner has

-- function current_epoch()
--   returns integer; plpgsql, stable
--   The newest epoch; null if this timeline has none yet (see begin_epoch)

-- function describe_machine(p_machine text, p_display_name text, p_labels jsonb, p_replace boolean,
--   p_max_labels integer, p_max_machines integer, p_max_bytes bigint)
--   returns text; plpgsql, volatile
--   Sets a machine's display name (null: unchanged) and labels (an empty value removes one), or
--   with p_replace all labels. Returns the limit that was reached, or null

-- function drop_alive_before(p_before bigint, p_limit integer)
--   returns integer; plpgsql, volatile
--   Retention: drops p_limit rows at most that are older than p_before. Returns how many

-- function drop_blocks_before(p_series integer, p_before bigint, p_limit integer)
--   returns integer; plpgsql, volatile
--   Drops p_limit blocks of a series at most that are older than p_before. Returns how many

-- function drop_blocks_between(p_series integer[], p_from bigint, p_to bigint, p_limit integer)
--   returns integer; plpgsql, volatile
--   Drops p_limit blocks at most of some series, or of all (null), in the range of one partition.
--   Returns how many

-- function drop_days_before(p_before bigint, p_limit integer)
--   returns integer; sql, volatile
--   Retention: drops p_limit days at most that are over before p_before. Returns how many

-- function drop_errors_before(p_before bigint, p_limit integer)
--   returns integer; plpgsql, volatile
--   Drops p_limit error reports at most that are older than p_before. Returns how many

-- function drop_idle_producers(p_max bigint, p_limit integer)
--   returns integer; plpgsql, volatile, set enable_seqscan=off
--   Forgets producers that have expired, and the oldest derived ones of owners with more than
--   p_max. Returns how many it was done with

-- function drop_kept_hours()
--   returns trigger; plpgsql, volatile
--   Trigger: drops the hours of days that are dropped

-- function drop_minutes_before(p_before bigint, p_limit integer)
--   returns integer; sql, volatile
--   Retention: drops p_limit minutes at most that are over before p_before. Returns how many

-- function drop_released()
--   returns void; sql, volatile
--   Drops held commits that nobody reads any more

-- function drop_rollups_before(p_before bigint, p_limit integer)
--   returns integer; plpgsql, volatile
--   Drops p_limit roll-ups at most that are older than p_before. Returns how many

-- function drop_states_before(p_before bigint, p_limit integer)
--   returns integer; plpgsql, volatile
--   Drops p_limit state changes at most that are older than p_before. Keeps the state that held
--   then. Returns how many

-- function drop_superseded(p_age_ms bigint, p_limit integer DEFAULT 2147483647, OUT passed bigint,
--   OUT blocks integer)
--   returns record; plpgsql, volatile
--   Drops watermarks older than p_age_ms, blocks that ended before the oldest one left, and
--   versions of roll-ups likewise

-- function drop_touched_before(p_before bigint, p_limit integer)
--   returns integer; sql, volatile
--   Drops p_limit rows of touched at most that are over before p_before. Returns how many

-- function duplicates_name(duplicates smallint)
--   returns text; sql, immutable, parallel safe
--   What equal records of a series mean, as the contract says it

-- function earliest_us()
--   returns bigint; sql, immutable, parallel safe
--   The earliest time that a record may have, in microseconds since 1970: 1 - 2^53

-- function end_step(p_to bigint)
--   returns void; sql, volatile
--   Ends a step: everything committed up to revision p_to is in the history

-- function end_step(p_to bigint, h_series integer[], h_hour bigint[], r_series integer[], r_hour
--   bigint[], r_count bigint[], r_first_us bigint[], r_last_us bigint[], r_min_us bigint[],
--   r_max_us bigint[], r_covered bigint[], r_sum float8[], r_min float8[], r_max float8[], r_first
--   float8[], r_last float8[], r_integral float8[], m_machine integer[], m_hour bigint[], s_machine
--   integer[], s_width bigint[], s_start bigint[], s_transitions integer[], s_time bigint[],
--   s_covered bigint[], s_integral float8[], q_revision bigint[], q_series integer[], q_reason
--   text[])
--   returns void; plpgsql, volatile
--   end_step() of programs up to migration 0046, which send everything at once. m_* are empty

-- function exact_area(p_us bigint, p_value numeric, q_us bigint, q_value numeric, p_from bigint,
--   p_to bigint, max_gap bigint, sample_type smallint)
--   returns TABLE(integral numeric, covered_us bigint); sql, immutable, parallel safe
--   The same as line_area(), without rounding

-- function exactly(x float8)
--   returns numeric; sql, immutable, parallel safe
--   A float8 as the shortest decimal number that is only this float8, limited as tame() does

-- function fill_lost(p_producer integer, p_sequence bigint, p_last bigint)
--   returns void; plpgsql, volatile
--   Stores a sequence that had been reported as lost: it is lost no longer. p_last: the last
--   sequence of the producer

-- function finish_restating(p_series integer, p_through bigint)
--   returns boolean; plpgsql, volatile
--   Removes the roll-ups of a series whose blocks up to p_through were summed up again, and marks
--   them due. False if its declaration has changed meanwhile

-- function fix_buckets(p_series integer[], p_bucket_us bigint[])
--   returns void; plpgsql, volatile
--   Sets the bucket width, in microseconds, of series that are compacted for the first time

-- function floor_to(us bigint, width bigint)
--   returns bigint; sql, immutable, parallel safe
--   The start of the bucket that a time is in. us, width: microseconds

-- function from_us(us bigint)
--   returns timestamptz; sql, immutable, parallel safe
--   The time that is so many microseconds after 1970, exact

-- function give_producer(p_id integer, p_owner text)
--   returns void; plpgsql, volatile
--   Gives a producer to a principal, or to nobody

-- function hint_on_zone(p_zone text)
--   returns text; sql, immutable, parallel safe
--   What to do about a zone whose clocks are not kept

-- function hold_commit(p_revision bigint, p_reason text, q_series integer[])
--   returns void; sql, volatile
--   In a step: keeps all rows of a commit beside the log, but those of series q_series, which go to
--   quarantine

-- function ingest(b_producer integer[], b_sequence bigint[], b_digest bytea[], b_result bytea[],
--   b_stored boolean[], r_batch integer[], r_series integer[], r_first bigint[], r_last bigint[],
--   r_count integer[], r_payload bytea[], s_batch integer[], s_machine integer[], s_position
--   integer[], s_time bigint[], s_state smallint[], s_reason text[], e_batch integer[], e_machine
--   integer[], e_position integer[], e_time bigint[], e_severity smallint[], e_code text[],
--   e_message text[])
--   returns TABLE(outcome text, revision bigint, committed_us bigint, result bytea, expected
--     bigint); plpgsql, volatile
--   ingest() of earlier programs, which name producers by id. Fails if one is gone

-- function ingest(p_max_producers bigint, p_derived_ms bigint, b_producer text[], b_principal
--   text[], b_acked bigint[], b_sequence bigint[], b_digest bytea[], b_result bytea[], b_stored
--   boolean[], r_batch integer[], r_series integer[], r_first bigint[], r_last bigint[], r_count
--   integer[], r_payload bytea[], s_batch integer[], s_machine integer[], s_position integer[],
--   s_time bigint[], s_state smallint[], s_reason text[], e_batch integer[], e_machine integer[],
--   e_position integer[], e_time bigint[], e_severity smallint[], e_code text[], e_message text[])
--   returns TABLE(outcome text, revision bigint, committed_us bigint, result bytea, expected
--     bigint); plpgsql, volatile, set enable_sort=off, enable_seqscan=off
--   Stores a group of batches. Returns a row for each, in order: what became of it, and what to
--   answer

-- function is_derived(p_name text)
--   returns boolean; sql, immutable, parallel safe
--   Whether the gateway made this id, for a POST or an Idempotency-Key

-- function is_kept_by_hour(s series)
--   returns boolean; sql, stable, parallel safe
--   Whether the blocks of a series hold an hour each, not a minute

-- function is_settled(learned_us bigint[])
--   returns boolean; sql, immutable, parallel safe
--   Whether a max_gap is declared, or inferred from enough distances (maxDistances in infer-gap.ts)

-- function keep_zone_clock(p_zone text, p_version text, p_from bigint[], p_to bigint[], p_offset
--   bigint[])
--   returns void; plpgsql, volatile
--   Keeps the clocks of a zone: from when to when they are so many microseconds ahead of UTC.
--   Nothing if they are as new already

-- function kind_event()
--   returns smallint; sql, immutable, parallel safe
--   series.kind of errors: SIGNAL_KIND_EVENT

-- function kind_numeric()
--   returns smallint; sql, immutable, parallel safe
--   series.kind of samples: SIGNAL_KIND_NUMERIC

-- function kind_state()
--   returns smallint; sql, immutable, parallel safe
--   series.kind of states: SIGNAL_KIND_STATE

-- function kwh_of(signal text, unit text, integral float8, covered_seconds float8)
--   returns float8; sql, immutable, parallel safe
--   Energy in kWh of signal power; null for other signals, or where nothing is covered. integral:
--   of value times seconds

-- function last_sequence(p_producer integer, p_segment integer)
--   returns bigint; plpgsql, stable, set enable_sort=off
--   The highest sequence that is decided for a producer. p_segment: the one that is written to

-- function latest_us()
--   returns bigint; sql, immutable, parallel safe
--   The latest time that a record may have, in microseconds since 1970: 2^53 - 1

-- function line_area(p_us bigint, p_value float8, q_us bigint, q_value float8, p_from bigint, p_to
--   bigint, max_gap bigint, sample_type smallint)
--   returns TABLE(integral float8, covered_us bigint); sql, immutable, parallel safe
--   Area (value times seconds; of counters the increase) and covered time between samples p and q,
--   cut to [p_from, p_to)

-- function lock_of_compaction()
--   returns integer; sql, immutable, parallel safe
--   Advisory lock of programs that are older than table compaction_lock

-- function lock_of_compactor()
--   returns integer; sql, immutable, parallel safe
--   Advisory lock that the accessor which compacts holds as long as it is connected

-- function lock_of_migrations()
--   returns integer; sql, immutable, parallel safe
--   Advisory lock of programs that are older than the lock on table schema_migration

-- function lock_of_revisions()
--   returns integer; sql, immutable, parallel safe
--   Advisory lock of programs that are older than table revision_lock

-- function lock_revisions()
--   returns void; plpgsql, volatile
--   Lets one writer of revisions at a time go on, until it commits. Fails if its epoch is over

-- function lock_space()
--   returns integer; sql, immutable, parallel safe
--   The first of the two numbers of each advisory lock of ours

-- function log_head()
--   returns TABLE(revision bigint, committed_us bigint); plpgsql, stable, set enable_sort=off
--   The newest revision and when it was committed, in microseconds; null if the current segment is
--   empty

-- function make_block_partition(p_bucket bigint)
--   returns boolean; plpgsql, volatile
--   Makes the partition of a week and attaches it, without making readers or writers wait. False if
--   it exists

-- function make_block_partition(p_name text, p_from bigint, p_to bigint)
--   returns boolean; plpgsql, volatile
--   Makes the partition of a range of whole weeks and attaches it, without making readers or
--   writers wait. False if it exists

-- function make_clock_hours(p_limit integer)
--   returns integer; plpgsql, volatile
--   Makes p_limit missing hours at most, the newest first, and drops those before the first change
--   of a state. Returns how many it made

-- function make_minutes(p_limit integer)
--   returns integer; plpgsql, volatile
--   Makes the minutes of p_limit days at most, the newest first. Returns of how many days

-- function may_register(p_name text, p_owner text, p_max bigint)
--   returns boolean; sql, stable
--   Whether an owner may register one more producer. p_max: how many of its own naming it may have

-- function may_roll_up_ahead(p_began bigint)
--   returns boolean; sql, stable
--   Whether no declaration changed since p_began, in microseconds since 1970 by this clock

-- function mean_of(p_sum float8, p_count bigint, p_min float8, p_max float8)
--   returns float8; sql, immutable, parallel safe
--   p_sum / p_count, but never outside of p_min and p_max, however the sum was rounded

-- function merge_block_partitions(p_names text[], p_name text, p_from bigint, p_to bigint)
--   returns void; plpgsql, volatile, set lock_timeout=1s
--   Puts small partitions into a new one that covers their range and what lies between them

-- function note_alive(p_to bigint, t_series integer[], t_minute bigint[])
--   returns void; sql, volatile
--   In a step: notes the minutes of series in which records arrived

-- function note_alive_before(p_limit integer)
--   returns integer; plpgsql, volatile
--   Notes days of machines that are older than table alive_hour, the newest first. Returns how many
--   it looked at

-- function note_alive_day(p_machine integer, p_day bigint)
--   returns void; plpgsql, volatile
--   Notes the minutes of one UTC day of a machine that is older than table alive_hour

-- function note_changed_hours(p_to bigint, h_series integer[], h_hour bigint[])
--   returns void; plpgsql, volatile
--   In a step to revision p_to: hours of series (microseconds since 1970) whose samples changed

-- function note_days(d_series integer[], d_time timestamptz[])
--   returns void; plpgsql, volatile
--   Notes UTC days in which series have samples, and makes their minutes

-- function note_days_again()
--   returns trigger; plpgsql, volatile
--   Trigger: the days of a series are to be found again, since its declaration changed

-- function note_days_before(p_limit integer)
--   returns integer; plpgsql, volatile
--   Finds the days of some series that are older than table series_day. Returns how many series
--   those were

-- function note_redeclared(p_series integer[])
--   returns void; plpgsql, volatile
--   Tells all processes that these series have a new declaration

-- function note_removal(p_before bigint)
--   returns void; sql, volatile
--   Counts a removal of what is older than p_before, for caches

-- function note_touched(t_series integer[], t_minute bigint[], t_revision bigint[])
--   returns void; plpgsql, volatile
--   Notes which minutes, hours and days of series a commit changed

-- function note_unreadable(q_revision bigint[], q_series integer[], q_reason text[])
--   returns void; sql, volatile
--   In a step: copies rows of the log that cannot be read to quarantine

-- function offset_of_zone(p_zone text)
--   returns bigint; sql, immutable, parallel safe
--   Microseconds that a fixed offset such as +05:30 is ahead of UTC. Null: it is the name of a zone

-- function open_producer(p_name text, p_acked bigint)
--   returns TABLE(producer_id integer, last_sequence bigint, lost_first bigint, lost_last bigint);
--     plpgsql, volatile
--   open_producer() of earlier programs. Registers what says hello; moves no floor

-- function open_producer(p_name text, p_acked bigint, p_principal text)
--   returns TABLE(last_sequence bigint, lost_first bigint, lost_last bigint, is_foreign boolean);
--     plpgsql, stable
--   Answers a producer's hello: its last sequence, what it lost, and whether another principal owns
--   it. Changes nothing

-- function open_segment(p_segment integer)
--   returns void; plpgsql, volatile
--   Lets writers continue in another segment, whose partitions are attached already

-- function redeclare(p_series integer, p_unit text, p_max_gap_us bigint, p_learned_us bigint[],
--   p_learned_last_us bigint, p_sample_type smallint, p_any boolean, p_expected bigint[])
--   returns boolean; plpgsql, volatile
--   redeclare() of programs up to migration 0051, which do not know of duplicates

-- function redeclare(p_series integer, p_unit text, p_max_gap_us bigint, p_learned_us bigint[],
--   p_learned_last_us bigint, p_sample_type smallint, p_duplicates smallint, p_any boolean,
--   p_expected bigint[])
--   returns boolean; plpgsql, volatile
--   Sets what a series declares: a unit where it has none, a max_gap where its own is inferred, a
--   type and what duplicates mean where it has none; p_any: whatever it has

-- function refuse_calendar(message text, hint text)
--   returns boolean; plpgsql, stable
--   Fails with invalid_parameter_value

-- function register_producer(p_name text, p_owner text, p_max bigint, p_derived_ms bigint)
--   returns integer; plpgsql, volatile
--   Registers a producer and returns its id; null if its owner has p_max of its own naming.
--   p_derived_ms: how long a derived one lives

-- function register_series(p_owner text, p_machine text, p_signal text[], p_kind smallint[], p_unit
--   text[], p_max_gap_us bigint[], p_learned text[], p_learned_last bigint[], p_sample_type
--   smallint[], p_duplicates smallint[], p_own_machines integer, p_own_series integer,
--   p_all_machines integer, p_all_series integer)
--   returns text; plpgsql, volatile
--   Registers what of a machine's series is missing, as far as the quotas allow. Returns the limit
--   that was reached, or null

-- function register_series(p_owner text, p_machine text, p_signal text[], p_kind smallint[], p_unit
--   text[], p_max_gap_us bigint[], p_learned text[], p_learned_last bigint[], p_sample_type
--   smallint[], p_own_machines integer, p_own_series integer, p_all_machines integer, p_all_series
--   integer)
--   returns text; plpgsql, volatile
--   register_series() of programs up to migration 0051, which do not know of duplicates

-- function register_series(p_owner text, p_machine text, p_signal text[], p_kind smallint[], p_unit
--   text[], p_max_gap_us bigint[], p_own_machines integer, p_own_series integer, p_all_machines
--   integer, p_all_series integer)
--   returns text; plpgsql, volatile
--   register_series() of earlier programs, whose series have neither learned gaps nor types

-- function release_commit(p_revision bigint, p_to bigint)
--   returns void; sql, volatile
--   In a step: the history has this held commit from revision p_to on

-- function retire_segment(p_segment integer)
--   returns void; plpgsql, volatile
--   Keeps the last sequences of a segment's producers before its receipts are dropped. Readers no
--   longer look into it

-- function roll_up_ahead(p_from bigint, p_began bigint, r_series integer[], r_hour bigint[],
--   r_count bigint[], r_first_us bigint[], r_last_us bigint[], r_min_us bigint[], r_max_us
--   bigint[], r_covered bigint[], r_sum float8[], r_min float8[], r_max float8[], r_first float8[],
--   r_last float8[], r_integral float8[], s_machine integer[], s_width bigint[], s_start bigint[],
--   s_transitions integer[], s_time bigint[], s_covered bigint[], s_integral float8[])
--   returns boolean; plpgsql, volatile
--   Writes roll-ups that hold from the next revision on, for programs up to migration 0046

-- function sample_type_counter()
--   returns smallint; sql, immutable, parallel safe
--   series.sample_type of values that count up: SAMPLE_TYPE_COUNTER

-- function sample_type_linear()
--   returns smallint; sql, immutable, parallel safe
--   series.sample_type of values that follow straight lines: SAMPLE_TYPE_LINEAR. Null means the
--   same

-- function sample_type_name(sample_type smallint)
--   returns text; sql, immutable, parallel safe
--   SampleType as a word: LINEAR, STEP or COUNTER. Null is LINEAR

-- function sample_type_step()
--   returns smallint; sql, immutable, parallel safe
--   series.sample_type of values that hold until the next one: SAMPLE_TYPE_STEP

-- function silence_tolerance(p_machine integer)
--   returns bigint; sql, stable
--   Microseconds that a machine may send nothing before it counts as silent

-- function state_name(state integer)
--   returns text; sql, immutable, parallel safe
--   MachineState as a word: ACTIVE, IDLE, FAULT, OFF or UNKNOWN

-- function tame(x float8)
--   returns float8; sql, immutable, parallel safe
--   A float8 that PostgreSQL can add and multiply: beyond ±1e300 it is infinite, within ±1e-290 it
--   is 0

-- function to_bound_us(t timestamptz)
--   returns bigint; sql, immutable, parallel safe
--   One end of a range in microseconds since 1970. Infinities lie beyond every time that a record
--   may have

-- function to_us(t timestamptz)
--   returns bigint; sql, immutable, parallel safe
--   A time in microseconds since 1970, exact

-- function touch_states(p_to bigint, a_machine integer[], a_from bigint[], a_to bigint[], g_machine
--   integer[], g_from bigint[], g_to bigint[])
--   returns void; sql, volatile
--   Marks hours of machines as due: all those of a_*, and of g_* those that are rolled up

-- function us_per_day()
--   returns bigint; sql, immutable, parallel safe
--   Microseconds of 24 hours

-- function us_per_hour()
--   returns bigint; sql, immutable, parallel safe
--   Microseconds of an hour

-- function us_per_minute()
--   returns bigint; sql, immutable, parallel safe
--   Microseconds of a minute

-- function us_per_week()
--   returns bigint; sql, immutable, parallel safe
--   Microseconds of seven days of 24 hours

-- function wal_timeline()
--   returns integer; plpgsql, volatile
--   The timeline that PostgreSQL writes to now; null on a standby

-- function watts_per(unit text)
--   returns float8; sql, immutable, parallel safe
--   Watts of one unit of power, such as 1000 of kW. Null for what is no unit of power; an empty
--   unit is W

-- function whole_chunks(p_payload integer, p_commits integer)
--   returns integer; sql, immutable
--   Bytes of a payload that go out of line; the rest stays in the row

-- function writer_has(p_key integer)
--   returns boolean; sql, volatile
--   Whether a session that may write holds or awaits this advisory lock of ours

-- function millrace_v1.block_bits(p bytea, at integer, bytes integer)
--   returns bit varying; plpgsql, immutable, parallel safe
--   Bytes as bits, the last byte first

-- function millrace_v1.block_byte(p bytea, INOUT at integer, OUT v integer)
--   returns record; plpgsql, immutable, parallel safe
--   The byte at a place, from 0, and the place after it

-- function millrace_v1.block_float8(patterns bigint[])
--   returns float8[]; plpgsql, immutable, parallel safe
--   Bit patterns as float8: sign, mantissa and power of two, multiplied without rounding

-- function millrace_v1.block_integers(p bytea, n integer, INOUT at integer, OUT x integer[])
--   returns record; plpgsql, immutable, parallel safe
--   The stream of n integers at a place, from 0, and the place after it

-- function millrace_v1.block_refuse(reason text)
--   returns void; plpgsql, immutable, parallel safe
--   Fails with data_corrupted (XX001): the bytes break the format

-- function millrace_v1.block_signed_varint(p bytea, INOUT at integer, OUT v bigint)
--   returns record; plpgsql, immutable, parallel safe
--   The zigzag varint at a place, from 0, and the place after it

-- function millrace_v1.block_times(p bytea, flags integer, n integer, first_us bigint, span_us
--   bigint, INOUT at integer, OUT times bigint[])
--   returns record; plpgsql, immutable, parallel safe
--   The times of a block, or the regular grid that stands for them, in microseconds since 1970

-- function millrace_v1.block_values(p bytea, flags integer, n integer, INOUT at integer, OUT
--   "values" float8[])
--   returns record; plpgsql, immutable, parallel safe
--   The values of a block

-- function millrace_v1.block_varint(p bytea, INOUT at integer, OUT v bigint)
--   returns record; plpgsql, immutable, parallel safe
--   The varint at a place, from 0, and the place after it

-- function millrace_v1.calendar(p_zone text, p_unit text, p_from timestamptz, p_to timestamptz,
--   p_starts time[] DEFAULT '{00:00:00}'::time[])
--   returns TABLE(start_time timestamptz, end_time timestamptz, local_start timestamp); sql,
--     stable, parallel restricted, security definer, set search_path=pg_catalog, pg_temp
--   Where shifts, days, weeks, months, quarters or years begin in a time zone, as REST and gRPC cut
--   them: p_from to p_to, cut at each

-- function millrace_v1.day_of(p_series integer, p_day bigint, max_gap bigint, sample_type smallint)
--   returns TABLE(count bigint, sum float8, min float8, max float8, first float8, last float8,
--     integral float8, covered_us bigint); plpgsql, stable, parallel restricted, security definer,
--     set plan_cache_mode=force_generic_plan, jit=off, search_path=public, pg_temp
--   Summary of one UTC day of a series. p_day, max_gap: microseconds

-- function millrace_v1.decode_block(payload bytea)
--   returns TABLE(ordinal integer, time_us bigint, value float8); plpgsql, immutable, parallel
--     safe, strict
--   Samples of a block, bit for bit: docs/block-format.md

-- function millrace_v1.history_end()
--   returns bigint; plpgsql, stable, parallel restricted, security definer, set
--     plan_cache_mode=force_generic_plan, jit=off, search_path=public, pg_temp
--   When the newest commit in the history was made, in microseconds since 1970

-- function millrace_v1.hour_of_blocks(p_series integer, p_hour bigint, max_gap bigint, sample_type
--   smallint)
--   returns TABLE(count bigint, first_us bigint, last_us bigint, covered_us bigint, sum float8, min
--     float8, max float8, first float8, last float8, integral float8); plpgsql, stable, parallel
--     restricted, security definer, set plan_cache_mode=force_generic_plan, jit=off,
--     search_path=public, pg_temp
--   Summary of one hour of a series from its blocks, without lines across the edges of the hour.
--   p_hour, max_gap: microseconds

-- function millrace_v1.lines_across(p_series integer, max_gap bigint, sample_type smallint, p_from
--   bigint, p_to bigint, p_first_us bigint, p_first float8, p_last_us bigint, p_last float8, OUT
--   integral float8, OUT covered_us bigint)
--   returns record; plpgsql, stable, parallel restricted, security definer, set
--     plan_cache_mode=force_generic_plan, jit=off, search_path=public, pg_temp
--   Area and covered microseconds of [p_from, p_to) under lines across its edges. p_first, p_last:
--   its own first and last sample

-- function millrace_v1.minutes_of_hour(p_series integer, p_hour bigint, max_gap bigint, sample_type
--   smallint, p_by_hour boolean)
--   returns TABLE(minute timestamptz, count bigint, sum float8, min float8, max float8, first
--     float8, last float8, integral float8, covered_us bigint); plpgsql, stable, parallel
--     restricted, security definer, set plan_cache_mode=force_generic_plan, jit=off,
--     search_path=public, pg_temp
--   Summaries of the minutes of one hour of a series, with exact sums. p_hour, max_gap:
--   microseconds

-- function millrace_v1.newest_commit()
--   returns bigint; plpgsql, stable, parallel restricted, security definer, set
--     plan_cache_mode=force_generic_plan, jit=off, search_path=public, pg_temp
--   When the newest commit was made, in microseconds since 1970

-- function millrace_v1.sample_after(p_series integer, p_us bigint, max_gap bigint)
--   returns float8[]; plpgsql, stable, parallel restricted, security definer, set
--     plan_cache_mode=force_generic_plan, jit=off, search_path=public, pg_temp
--   {time in microseconds, value} of the first sample at or after the end of a bucket, if a line
--   may reach across it; else null

-- function millrace_v1.sample_before(p_series integer, p_us bigint, max_gap bigint)
--   returns float8[]; plpgsql, stable, parallel restricted, security definer, set
--     plan_cache_mode=force_generic_plan, jit=off, search_path=public, pg_temp
--   {time in microseconds, value} of the last sample before the start of a bucket, if a line may
--   reach across it; else null

-- function millrace_v1.samples(p_signal text, p_from timestamptz, p_to timestamptz, p_machines
--   text[] DEFAULT NULL::text[])
--   returns TABLE("time" timestamptz, machine text, value float8); plpgsql, stable, parallel
--     restricted, security definer, set search_path=public, pg_temp
--   Every committed sample of a signal in [p_from, p_to), exact, in order of time. p_machines: null
--   for all

-- function millrace_v1.silences(p_from timestamptz, p_to timestamptz, p_machines text[] DEFAULT
--   NULL::text[])
--   returns TABLE(machine text, begins timestamptz, ends timestamptz); plpgsql, stable, parallel
--     restricted, security definer, set plan_cache_mode=force_generic_plan, jit=off,
--     search_path=public, pg_temp
--   When machines were silent in [p_from, p_to), to the newest commit that is compacted.
--   p_machines: null for all

-- function millrace_v1.silences_of(p_machine integer, p_from bigint, p_to bigint)
--   returns TABLE(begin_us bigint, end_us bigint); plpgsql, stable, parallel restricted, security
--     definer, set plan_cache_mode=force_generic_plan, jit=off, search_path=public, pg_temp
--   When a machine was silent in [p_from, p_to), ascending, in microseconds since 1970

-- function millrace_v1.silent_states(p_machine integer, p_from bigint, p_to bigint)
--   returns bigint[]; plpgsql, stable, parallel restricted, security definer, set
--     plan_cache_mode=force_generic_plan, jit=off, search_path=public, pg_temp
--   Microseconds of silence in [p_from, p_to) by number of state, from 1 for unknown. Null: none

-- function millrace_v1.state_at(p_time timestamptz, p_machines text[] DEFAULT NULL::text[])
--   returns TABLE("time" timestamptz, machine text, state text, reason text, silent boolean);
--     plpgsql, stable, parallel restricted, security definer, set
--     plan_cache_mode=force_generic_plan, jit=off, search_path=public, pg_temp
--   What each machine was doing at a time, since which change, and whether it was silent.
--   p_machines: null for all
