-- Epochs of the history: one begins when the database continues from an earlier point.

-- What pg_control_checkpoint() returns stays old until the next checkpoint.
create or replace function wal_timeline() returns integer language plpgsql volatile as $$
begin
  if pg_is_in_recovery() then
    return null;
  end if;
  return ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer;
end $$;
comment on function wal_timeline is 'The timeline that PostgreSQL writes to now; null on a standby';

-- By the snapshot of the statement: what is read beside it is of this epoch.
create or replace function current_epoch() returns integer language plpgsql stable as $$
declare
  v_newest record;
  v_timeline integer := wal_timeline();
begin
  select e.epoch, e.timeline_id into strict v_newest from epoch e order by e.epoch desc limit 1;
  return case when v_timeline is null or v_timeline = v_newest.timeline_id then v_newest.epoch end;
end $$;
comment on function current_epoch is
  'The newest epoch; null if this timeline has none yet (see begin_epoch)';

-- It starts at the first revision that is not there yet. Numbers are random and ascending, so that
-- two histories that forked at the same place do not take each other's epochs for their own.
create or replace function begin_epoch(p_anyway boolean default false) returns integer
language plpgsql as $$
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
  perform await_older_version(lock_of_revisions());
  select e.epoch, e.timeline_id into strict v_newest from epoch e order by e.epoch desc limit 1;
  if v_timeline = v_newest.timeline_id and not p_anyway then
    return v_newest.epoch;
  end if;
  v_epoch := case when v_newest.epoch < 2147352576
    then (v_newest.epoch / 65536 + 1) * 65536 + floor(random() * 65536)::integer
    else v_newest.epoch + 1 end;
  insert into epoch (epoch, first_revision, timeline_id) select v_epoch, h.revision + 1, v_timeline
    from log_head() h;
  return v_epoch;
end $$;
comment on function begin_epoch is
  'Begins an epoch if this is a new timeline, or p_anyway. Returns the newest epoch';

-- Ids and revisions that the caller holds may have been given up. Without the setting there is
-- nothing to compare.
create or replace function assert_epoch(p_newest integer) returns void language plpgsql as $$
declare
  v_known text := current_setting('millrace.epoch', true);
begin
  if v_known <> '' and v_known::integer is distinct from p_newest then
    raise exception using errcode = 'MR002',
      message = format('the caller knows epoch %s, and the newest is %s', v_known,
        coalesce(p_newest::text, 'about to begin'));
  end if;
end $$;
comment on function assert_epoch is
  'Fails with MR002 if the caller knows another epoch, by the setting millrace.epoch';
