-- A promotion or restore is noticed by the first commit after it, and writers queue for locks that readers cannot take.

-- Whoever writes revisions, or a step of compaction, locks these until it commits. Nothing is ever in them: a table can be locked only by those
-- who may write it, while anybody who can connect may take an advisory lock. A lock leaves no dead rows, as a row locked for update would.
create table revision_lock (nothing boolean check (false));
create table compaction_lock (nothing boolean check (false));

-- Whether a session that may write holds or awaits an advisory lock of ours. Those of readers count for nothing.
create function writer_has(p_key integer) returns boolean language sql volatile as $$
  select exists (
    select from pg_locks l join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.classid = 7201 and l.objid = p_key and l.objsubid = 2 and a.datname = current_database()
      and l.database = a.datid and l.pid <> pg_backend_pid() and has_table_privilege(a.usesysid, 'log_segment', 'update'))
$$;

-- Before this migration the advisory locks were all there was, and a commit that was under way when it was applied holds no other.
create function await_older_version(p_key integer) returns void language plpgsql as $$
begin
  if not pg_try_advisory_xact_lock(7201, p_key) and writer_has(p_key) then
    perform pg_advisory_xact_lock(7201, p_key);
  end if;
end $$;

-- The timeline that is written to, as of now: what pg_control_checkpoint() says stays old until the next checkpoint. Null on a standby.
create function wal_timeline() returns integer language plpgsql volatile as $$
begin
  if pg_is_in_recovery() then
    return null;
  end if;
  return ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer;
end $$;

-- The newest epoch; null if this timeline has none yet (see begin_epoch). Of the statement's snapshot: what is read beside it is of this epoch.
create function current_epoch() returns integer language plpgsql stable as $$
declare
  v_newest record;
  v_timeline integer := wal_timeline();
begin
  select e.epoch, e.timeline_id into strict v_newest from epoch e order by e.epoch desc limit 1;
  return case when v_timeline is null or v_timeline = v_newest.timeline_id then v_newest.epoch end;
end $$;

-- Begins the epoch of a new timeline (or anyway), from the first revision that is not there yet. Numbers are drawn, ascending, so that two
-- histories that forked at the same place do not take each other's for their own. Answers the newest.
create function begin_epoch(p_anyway boolean default false) returns integer language plpgsql as $$
declare
  v_newest record;
  v_timeline integer := wal_timeline();
  v_epoch integer;
begin
  select e.epoch, e.timeline_id into strict v_newest from epoch e order by e.epoch desc limit 1;
  if v_timeline is null or v_timeline = v_newest.timeline_id and not p_anyway then
    return v_newest.epoch;
  end if;
  lock table revision_lock in exclusive mode;
  perform await_older_version(1);
  select e.epoch, e.timeline_id into strict v_newest from epoch e order by e.epoch desc limit 1;
  if v_timeline = v_newest.timeline_id and not p_anyway then
    return v_newest.epoch;
  end if;
  v_epoch := case when v_newest.epoch < 2147352576 then (v_newest.epoch / 65536 + 1) * 65536 + floor(random() * 65536)::integer
    else v_newest.epoch + 1 end;
  insert into epoch (epoch, first_revision, timeline_id) select v_epoch, h.revision + 1, v_timeline from log_head() h;
  return v_epoch;
end $$;

-- Fails where what its caller knows is of another epoch (it said which by the setting millrace.epoch): ids and revisions that it holds may
-- have been given up. Without that setting there is nothing to compare.
create function assert_epoch(p_newest integer) returns void language plpgsql as $$
declare
  v_known text := current_setting('millrace.epoch', true);
begin
  if v_known <> '' and v_known::integer is distinct from p_newest then
    raise exception using errcode = 'MR002',
      message = format('the caller knows epoch %s, and the newest is %s', v_known, coalesce(p_newest::text, 'about to begin'));
  end if;
end $$;

-- What every writer of revisions calls: one at a time until it commits, and in the epoch of the timeline that it writes to.
create or replace function lock_revisions() returns void language plpgsql as $$
begin
  lock table revision_lock in exclusive mode;
  perform await_older_version(1);
  perform assert_epoch(begin_epoch());
end $$;

create or replace function begin_step(p_from bigint) returns void language plpgsql as $$
declare
  v_current bigint;
begin
  lock table compaction_lock in exclusive mode;
  perform await_older_version(4);
  -- What a step has gathered may have been given up since.
  perform assert_epoch(current_epoch());
  select max(revision) into v_current from watermark;
  if v_current <> p_from then
    raise exception 'the watermark is at %, not at %', v_current, p_from using errcode = 'serialization_failure';
  end if;
end $$;
