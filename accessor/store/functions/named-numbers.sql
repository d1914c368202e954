-- Numbers that have a name: units of time, kinds, sample types and locks. PostgreSQL puts the
-- number in place of the call when it plans a statement, so a call costs nothing.
-- sql-constants.test.ts compares them with the numbers in TypeScript.

create or replace function us_per_minute() returns bigint language sql immutable parallel safe
  return 60000000;
comment on function us_per_minute is 'Microseconds of a minute';

create or replace function us_per_hour() returns bigint language sql immutable parallel safe
  return 3600000000;
comment on function us_per_hour is 'Microseconds of an hour';

create or replace function us_per_day() returns bigint language sql immutable parallel safe
  return 86400000000;
comment on function us_per_day is 'Microseconds of 24 hours';

create or replace function us_per_week() returns bigint language sql immutable parallel safe
  return 604800000000;
comment on function us_per_week is 'Microseconds of seven days of 24 hours';

create or replace function earliest_us() returns bigint language sql immutable parallel safe
  return -9007199254740991;
comment on function earliest_us is
  'The earliest time that a record may have, in microseconds since 1970: 1 - 2^53';

create or replace function latest_us() returns bigint language sql immutable parallel safe
  return 9007199254740991;
comment on function latest_us is
  'The latest time that a record may have, in microseconds since 1970: 2^53 - 1';

create or replace function kind_state() returns smallint language sql immutable parallel safe
  return 1;
comment on function kind_state is 'series.kind of states: SIGNAL_KIND_STATE';

create or replace function kind_event() returns smallint language sql immutable parallel safe
  return 2;
comment on function kind_event is 'series.kind of errors: SIGNAL_KIND_EVENT';

create or replace function kind_numeric() returns smallint language sql immutable parallel safe
  return 3;
comment on function kind_numeric is 'series.kind of samples: SIGNAL_KIND_NUMERIC';

create or replace function sample_type_linear() returns smallint
language sql immutable parallel safe
  return 1;
comment on function sample_type_linear is
  'series.sample_type of values that follow straight lines: SAMPLE_TYPE_LINEAR. Null means the '
  'same';

create or replace function sample_type_step() returns smallint language sql immutable parallel safe
  return 2;
comment on function sample_type_step is
  'series.sample_type of values that hold until the next one: SAMPLE_TYPE_STEP';

create or replace function sample_type_counter() returns smallint
language sql immutable parallel safe
  return 3;
comment on function sample_type_counter is
  'series.sample_type of values that count up: SAMPLE_TYPE_COUNTER';

create or replace function lock_space() returns integer language sql immutable parallel safe
  return 7201;
comment on function lock_space is 'The first of the two numbers of each advisory lock of ours';

create or replace function lock_of_revisions() returns integer language sql immutable parallel safe
  return 1;
comment on function lock_of_revisions is
  'Advisory lock of programs that are older than table revision_lock';

create or replace function lock_of_migrations() returns integer language sql immutable parallel safe
  return 2;
comment on function lock_of_migrations is
  'Advisory lock of programs that are older than the lock on table schema_migration';

create or replace function lock_of_compactor() returns integer language sql immutable parallel safe
  return 3;
comment on function lock_of_compactor is
  'Advisory lock that the accessor which compacts holds as long as it is connected';

create or replace function lock_of_compaction() returns integer language sql immutable parallel safe
  return 4;
comment on function lock_of_compaction is
  'Advisory lock of programs that are older than table compaction_lock';
