-- What page tokens are signed with: 256 random bits, made once, the same for all accessors of a database. A table of its own, so that nobody who may
-- read another one reads it by the way.
create table page_key (
  only_row boolean primary key default true check (only_row),
  key bytea not null check (length(key) = 32)
);
-- A UUID has 122 random bits, of PostgreSQL's strong source.
insert into page_key (key) select sha256(
  uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
revoke all on page_key from public;
