-- From here on, functions and views are not in migrations: accessor/store/functions and
-- accessor/store/views have the text that is in force, and an accessor that starts with other texts
-- than the database has creates all of them anew (accessor/store/functions.ts).

create table function_set (
  only_row boolean primary key default true check (only_row),
  digest text not null,
  replaced_at timestamptz not null default clock_timestamp()
);

-- add_hour_rollups() and add_state_rollups() take its place.
drop function add_rollups;

comment on table function_set is 'Which functions and views this database has. One row';
comment on column function_set.only_row is 'Always true';
comment on column function_set.digest is
  'SHA-256 of the files in accessor/store/functions and accessor/store/views';
comment on column function_set.replaced_at is 'When they were last created anew';
