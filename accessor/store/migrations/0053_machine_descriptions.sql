-- What a machine is, for people: a display name, and labels to find and group machines by
-- (accessor/store/functions/descriptions.sql, and the view machines).

-- By name, since a machine may be described before it sends anything. A row stays when its
-- description is removed: the number of the change tells other processes.
create table machine_description (
  id integer generated always as identity primary key,
  machine text not null unique,
  display_name text not null default '',
  labels jsonb not null default '{}',
  changed bigint not null unique
);

comment on table machine_description is 'What machines are called and labelled, as they are now';
comment on column machine_description.id is 'Its number';
comment on column machine_description.machine is 'Name of the machine, which need not exist yet';
comment on column machine_description.display_name is 'Its name for people; empty: none';
comment on column machine_description.labels is 'Its labels: texts by key';
comment on column machine_description.changed is
  'Number of the newest change of the row: higher than all earlier ones of all rows';
