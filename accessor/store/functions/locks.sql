-- What holds writers in line, and what they check before they write.

-- Asked by every statement that an ack depends on, since a reload or restart may change the
-- settings.
create or replace function assert_durable() returns void language plpgsql stable as $$
declare
  v_name text;
begin
  foreach v_name in array array['fsync', 'full_page_writes', 'synchronous_commit'] loop
    if current_setting(v_name) not in ('on', 'remote_apply') then
      raise exception using errcode = 'MR001', detail = v_name,
        message = format('PostgreSQL runs with %s=%s: what it commits could be lost; turn it on',
          v_name, current_setting(v_name));
    end if;
  end loop;
end $$;
comment on function assert_durable is
  'Fails with MR001 if PostgreSQL is set up so that a commit could be lost';

-- Anybody who can connect may take an advisory lock, so those of readers do not count.
create or replace function writer_has(p_key integer) returns boolean language sql volatile as $$
  select exists (
    select from pg_locks l join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.classid = lock_space() and l.objid = p_key
      and l.objsubid = 2
      and a.datname = current_database()
      and l.database = a.datid and l.pid <> pg_backend_pid()
        and has_table_privilege(a.usesysid, 'log_segment', 'update'))
$$;
comment on function writer_has is
  'Whether a session that may write holds or awaits this advisory lock of ours';

-- They hold no lock on a table.
create or replace function await_older_version(p_key integer) returns void language plpgsql as $$
begin
  if not pg_try_advisory_xact_lock(lock_space(), p_key) and writer_has(p_key) then
    perform pg_advisory_xact_lock(lock_space(), p_key);
  end if;
end $$;
comment on function await_older_version is 'Waits for programs that know advisory locks only';

create or replace function lock_revisions() returns void language plpgsql as $$
begin
  lock table revision_lock in exclusive mode;
  perform await_older_version(lock_of_revisions());
  perform assert_epoch(begin_epoch());
end $$;
comment on function lock_revisions is
  'Lets one writer of revisions at a time go on, until it commits. Fails if its epoch is over';
