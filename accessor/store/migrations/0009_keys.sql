-- Keys: who may do what with which machines. Of a key's secret there is only the SHA-256 digest.
create table api_key (
  id text primary key check (id ~ '^[0-9a-f]{12}$'),
  name text not null check (length(name) between 1 and 100),
  digest bytea not null check (length(digest) = 32),
  scopes text[] not null,
  -- Patterns, "*" standing for any characters: of machines, and of producer ids.
  machines text[] not null,
  producers text[] not null,
  created_at timestamptz not null default clock_timestamp(),
  -- null: never.
  expires_at timestamptz,
  revoked_at timestamptz,
  -- To the minute.
  last_used_at timestamptz
);
