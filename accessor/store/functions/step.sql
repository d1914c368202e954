-- A step of compaction: one transaction from begin_step() to end_step().

create or replace function begin_step(p_from bigint) returns void language plpgsql as $$
declare
  v_current bigint;
begin
  lock table compaction_lock in exclusive mode;
  perform await_older_version(lock_of_compaction());
  -- What a step has gathered may have been given up since.
  perform assert_epoch(current_epoch());
  select max(revision) into v_current from watermark;
  if v_current <> p_from then
    raise exception 'the watermark is at %, not at %', v_current, p_from
      using errcode = 'serialization_failure';
  end if;
end $$;
comment on function begin_step is
  'Lets one step at a time go on. Fails if the watermark is not at p_from, or if the epoch is '
  'over';

-- TOAST cuts at 1996 bytes. A row above 2 kB would have more of its columns put out of line: then
-- the last chunk goes there too.
create or replace function whole_chunks(p_payload integer, p_commits integer) returns integer
language sql immutable
  return case when p_payload % 1996 + p_commits > 1800 then p_payload
    else p_payload - p_payload % 1996 end;
comment on function whole_chunks is
  'Bytes of a payload that go out of line; the rest stays in the row';

create or replace function block_payloads(
  p_series integer[], p_bucket bigint[], p_block bigint[]
) returns table (block_id bigint, payload bytea, commits bytea) language plpgsql stable as $$
begin
  return query
    select b.block_id, b.payload || b.tail, b.commits
    from unnest(p_series, p_bucket, p_block) as wanted(series_id, bucket_us, block_id)
    join block b on b.series_id = wanted.series_id and b.bucket_us = wanted.bucket_us
      and b.block_id = wanted.block_id;
end $$;
comment on function block_payloads is 'Payload and commits of blocks';

create or replace function add_blocks(
  p_to bigint,
  b_series integer[], b_bucket bigint[], b_count integer[], b_first_us bigint[], b_last_us bigint[],
    b_min_us bigint[], b_max_us bigint[],
  b_covered bigint[], b_sum float8[], b_min float8[], b_max float8[], b_first float8[],
    b_last float8[], b_integral float8[],
  b_payload bytea[], b_commits bytea[],
  e_block bigint[], e_series integer[], e_bucket bigint[]
) returns void language sql as $$
  insert into block (valid_from, series_id, bucket_us, count, first_us, last_us, min_us, max_us,
    covered_us, sum, min, max, first, last, integral, payload, tail, commits)
    select p_to, b.series, b.bucket, b.count, b.first_us, b.last_us, b.min_us, b.max_us, b.covered,
      b.sum, b.min, b.max, b.first, b.last, b.integral, substring(b.payload for cut.at),
      substring(b.payload from cut.at + 1), b.commits
    from unnest(b_series, b_bucket, b_count, b_first_us, b_last_us, b_min_us, b_max_us, b_covered,
      b_sum, b_min, b_max, b_first, b_last, b_integral, b_payload, b_commits)
        as b(series, bucket, count, first_us, last_us, min_us, max_us, covered, sum, min, max,
          first, last, integral, payload, commits),
      lateral (select whole_chunks(octet_length(b.payload), octet_length(b.commits))) as cut(at);
  insert into block_end (block_id, series_id, bucket_us, ended_at)
    select e.block, e.series, e.bucket, p_to
      from unnest(e_block, e_series, e_bucket) as e(block, series, bucket);
$$;
comment on function add_blocks is
  'Adds new blocks (b_*, of each series in order of time) and ends old ones (e_*) at revision '
  'p_to';

create or replace function note_touched(
  t_series integer[], t_minute bigint[], t_revision bigint[]
) returns void language plpgsql as $$
begin
  insert into touched (series_id, width_us, start_us, revision)
    select t.series, w.width, floor_to(t.minute, w.width), max(t.revision)
    from unnest(t_series, t_minute, t_revision) as t(series, minute, revision),
      unnest(array[us_per_minute(), us_per_hour(), us_per_day()]) as w(width)
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (series_id, width_us, start_us)
      do update set revision = greatest(touched.revision, excluded.revision);
  perform note_days(array_agg(day.series), array_agg(from_us(day.us)))
    from (select distinct t.series, floor_to(t.minute, us_per_day()) as us
      from unnest(t_series, t_minute) t(series, minute)
      join series s on s.id = t.series where s.kind = kind_numeric()) day;
end $$;
comment on function note_touched is
  'Notes which minutes, hours and days of series a commit changed';

create or replace function touch_states(
  p_to bigint,
  a_machine integer[], a_from bigint[], a_to bigint[],
  g_machine integer[], g_from bigint[], g_to bigint[]
) returns void language sql as $$
  insert into rollup_state_due (machine_id, hour_us)
    select a.machine, hour from unnest(a_machine, a_from, a_to) as a(machine, from_us, to_us),
      generate_series(a.from_us, a.to_us - 1, us_per_hour()) as hour
    union
    select r.machine_id, r.start_us
      from unnest(g_machine, g_from, g_to) as g(machine, from_us, to_us)
      join rollup_state r on r.machine_id = g.machine and r.width_us = us_per_hour()
        and r.start_us >= g.from_us and r.start_us < g.to_us
    on conflict do nothing;
  delete from rollup_state r
    using unnest(a_machine || g_machine, a_from || g_from, a_to || g_to)
      as t(machine, from_us, to_us)
    where r.valid_from > (select max(revision) from watermark)
      and r.machine_id = t.machine and r.start_us >= t.from_us and r.start_us < t.to_us;
  insert into rollup_state (valid_from, machine_id, width_us, start_us)
    select p_to, newest.machine_id, newest.width_us, newest.start_us from (
      select distinct on (r.machine_id, r.start_us) r.machine_id, r.width_us, r.start_us,
        r.transitions
      from unnest(a_machine || g_machine, a_from || g_from, a_to || g_to)
        as t(machine, from_us, to_us)
      join rollup_state r on r.machine_id = t.machine and r.width_us = us_per_hour()
        and r.start_us >= t.from_us and r.start_us < t.to_us
      order by r.machine_id, r.start_us, r.valid_from desc) newest
    where newest.transitions is not null;
$$;
comment on function touch_states is
  'Marks hours of machines as due: all those of a_*, and of g_* those that are rolled up';

-- An hour that changed has no roll-up until it is rolled up again.
create or replace function note_changed_hours(
  p_to bigint, h_series integer[], h_hour bigint[]
) returns void language plpgsql as $$
begin
  delete from rollup_hour r using unnest(h_series, h_hour) as h(series, hour)
    where r.valid_from > (select max(revision) from watermark)
      and r.series_id = h.series and r.hour_us = h.hour;
  -- Only an hour that had a roll-up needs to be told that it has none.
  insert into rollup_hour (valid_from, series_id, hour_us)
    select p_to, h.series, h.hour from unnest(h_series, h_hour) as h(series, hour)
    where (select count is not null from rollup_hour r
      where r.series_id = h.series and r.hour_us = h.hour order by valid_from desc limit 1);
  insert into rollup_due (series_id, hour_us)
    select h.series, h.hour from unnest(h_series, h_hour) as h(series, hour) on conflict do nothing;
end $$;
comment on function note_changed_hours is
  'In a step to revision p_to: hours of series (microseconds since 1970) whose samples changed';

create or replace function add_hour_rollups(
  p_valid_from bigint,
  r_series integer[], r_hour bigint[], r_count bigint[], r_first_us bigint[], r_last_us bigint[],
  r_min_us bigint[], r_max_us bigint[], r_covered bigint[], r_sum float8[], r_min float8[],
  r_max float8[], r_first float8[], r_last float8[], r_integral float8[]
) returns void language plpgsql as $$
begin
  insert into rollup_hour (valid_from, series_id, hour_us, count, first_us, last_us, min_us, max_us,
    covered_us, sum, min, max, first, last, integral)
    select p_valid_from, r.*
    from unnest(r_series, r_hour, r_count, r_first_us, r_last_us, r_min_us, r_max_us, r_covered,
      r_sum, r_min, r_max, r_first, r_last, r_integral) as r;
  delete from rollup_due d using unnest(r_series, r_hour) as r(series, hour)
    where d.series_id = r.series and d.hour_us = r.hour;
end $$;
comment on function add_hour_rollups is
  'Adds roll-ups of hours of series that hold from a revision on. The hours are due no longer';

-- s_time, s_covered and s_integral have five numbers a row: one for each state, from unknown.
create or replace function add_state_rollups(
  p_valid_from bigint,
  s_machine integer[], s_width bigint[], s_start bigint[], s_transitions integer[],
  s_time bigint[], s_covered bigint[], s_integral float8[]
) returns void language plpgsql as $$
begin
  insert into rollup_state (valid_from, machine_id, width_us, start_us, transitions, time_us,
    covered_us, integral)
    select p_valid_from, s.machine, s.width, s.start, s.transitions,
      s_time[s.n * 5 - 4 : s.n * 5], s_covered[s.n * 5 - 4 : s.n * 5],
      s_integral[s.n * 5 - 4 : s.n * 5]
    from unnest(s_machine, s_width, s_start, s_transitions) with ordinality
      as s(machine, width, start, transitions, n);
  delete from rollup_state_due d
    using unnest(s_machine, s_width, s_start) as s(machine, width, start)
    where s.width = us_per_hour() and d.machine_id = s.machine and d.hour_us = s.start;
end $$;
comment on function add_state_rollups is
  'Adds roll-ups of hours of machines that hold from a revision on. The hours are due no longer';

create or replace function note_unreadable(
  q_revision bigint[], q_series integer[], q_reason text[]
) returns void language sql as $$
  insert into quarantine (revision, series_id, reason, payload)
    select q.revision, q.series, q.reason, log.payload
    from unnest(q_revision, q_series, q_reason) as q(revision, series, reason)
    join log on log.revision = q.revision and log.series_id = q.series;
$$;
comment on function note_unreadable is
  'In a step: copies rows of the log that cannot be read to quarantine';

create or replace function end_step(p_to bigint) returns void language sql as $$
  insert into watermark (revision) values (p_to);
$$;
comment on function end_step(bigint) is
  'Ends a step: everything committed up to revision p_to is in the history';

-- What is rolled up ahead, as of the newest watermark, holds from the next revision on: so no
-- answer at a watermark that there is changes. A step may not know a declaration that changed since
-- it began, whatever has been recalculated meanwhile: processes learn of declarations within ten
-- seconds.
create or replace function may_roll_up_ahead(p_began bigint) returns boolean language sql stable
as $$
  select not exists (
    select from series where redeclared_at > from_us(p_began) - interval '10 seconds')
$$;
comment on function may_roll_up_ahead is
  'Whether no declaration changed since p_began, in microseconds since 1970 by this clock';

create or replace function hold_commit(p_revision bigint, p_reason text, q_series integer[])
returns void language sql as $$
  insert into held_log (revision, first_us, last_us, series_id, sample_count, payload)
    select revision, first_us, last_us, series_id, sample_count, payload from log
    where revision = p_revision and series_id <> all (q_series);
  insert into held_commit (revision, reason) values (p_revision, p_reason);
$$;
comment on function hold_commit is
  'In a step: keeps all rows of a commit beside the log, but those of series q_series, which go '
  'to quarantine';

create or replace function release_commit(p_revision bigint, p_to bigint) returns void
language sql as $$
  update held_log set released_at = p_to where revision = p_revision;
  update held_commit set released_at = p_to where revision = p_revision;
$$;
comment on function release_commit is
  'In a step: the history has this held commit from revision p_to on';

create or replace function drop_released() returns void language sql as $$
  delete from held_log where released_at <= (select min(revision) from watermark);
  delete from held_commit where released_at <= (select min(revision) from watermark);
$$;
comment on function drop_released is 'Drops held commits that nobody reads any more';
