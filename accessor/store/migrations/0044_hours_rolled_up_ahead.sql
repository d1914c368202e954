-- Hours are rolled up also while nothing is committed: ahead of the next step, as of the watermark
-- and valid from the revision after it (decision 13). What that step touches goes.

-- As in 0016. What was rolled up ahead and changes was current at no watermark.
create or replace function touch_states(
  p_to bigint, a_machine integer[], a_from bigint[], a_to bigint[], g_machine integer[], g_from bigint[], g_to bigint[]
) returns void language sql as $$
  insert into rollup_state_due (machine_id, hour_us)
    select a.machine, hour from unnest(a_machine, a_from, a_to) as a(machine, from_us, to_us),
      generate_series(a.from_us, a.to_us - 1, 3600000000) as hour
    union
    select r.machine_id, r.start_us from unnest(g_machine, g_from, g_to) as g(machine, from_us, to_us)
      join rollup_state r on r.machine_id = g.machine and r.width_us = 3600000000 and r.start_us >= g.from_us and r.start_us < g.to_us
    on conflict do nothing;
  delete from rollup_state r using unnest(a_machine || g_machine, a_from || g_from, a_to || g_to) as t(machine, from_us, to_us)
    where r.valid_from > (select max(revision) from watermark)
      and r.machine_id = t.machine and r.start_us >= t.from_us and r.start_us < t.to_us;
  insert into rollup_state (valid_from, machine_id, width_us, start_us)
    select p_to, newest.machine_id, newest.width_us, newest.start_us from (
      select distinct on (r.machine_id, r.start_us) r.machine_id, r.width_us, r.start_us, r.transitions
      from unnest(a_machine || g_machine, a_from || g_from, a_to || g_to) as t(machine, from_us, to_us)
      join rollup_state r on r.machine_id = t.machine and r.width_us = 3600000000 and r.start_us >= t.from_us and r.start_us < t.to_us
      order by r.machine_id, r.start_us, r.valid_from desc) newest
    where newest.transitions is not null;
$$;

-- Roll-ups that hold from a revision on, of hours of series (r_*) and of machines (s_*: five numbers a
-- row in each of the last three arrays). They are due no more.
create function add_rollups(
  p_valid_from bigint,
  r_series integer[], r_hour bigint[], r_count bigint[], r_first_us bigint[], r_last_us bigint[], r_min_us bigint[], r_max_us bigint[],
  r_covered bigint[], r_sum float8[], r_min float8[], r_max float8[], r_first float8[], r_last float8[], r_integral float8[],
  s_machine integer[], s_width bigint[], s_start bigint[], s_transitions integer[], s_time bigint[], s_covered bigint[], s_integral float8[]
) returns void language plpgsql as $$
begin
  insert into rollup_hour (valid_from, series_id, hour_us, count, first_us, last_us, min_us, max_us, covered_us, sum, min, max, first, last, integral)
    select p_valid_from, r.* from unnest(r_series, r_hour, r_count, r_first_us, r_last_us, r_min_us, r_max_us, r_covered, r_sum, r_min,
      r_max, r_first, r_last, r_integral) as r;
  delete from rollup_due d using unnest(r_series, r_hour) as r(series, hour) where d.series_id = r.series and d.hour_us = r.hour;
  insert into rollup_state (valid_from, machine_id, width_us, start_us, transitions, time_us, covered_us, integral)
    select p_valid_from, s.machine, s.width, s.start, s.transitions,
      s_time[s.n * 5 - 4 : s.n * 5], s_covered[s.n * 5 - 4 : s.n * 5], s_integral[s.n * 5 - 4 : s.n * 5]
    from unnest(s_machine, s_width, s_start, s_transitions) with ordinality as s(machine, width, start, transitions, n);
  delete from rollup_state_due d using unnest(s_machine, s_width, s_start) as s(machine, width, start)
    where s.width = 3600000000 and d.machine_id = s.machine and d.hour_us = s.start;
end $$;

-- As in 0005, likewise. m_* have been empty since there is touch_states().
create or replace function end_step(
  p_to bigint,
  h_series integer[], h_hour bigint[],
  r_series integer[], r_hour bigint[], r_count bigint[], r_first_us bigint[], r_last_us bigint[], r_min_us bigint[], r_max_us bigint[],
  r_covered bigint[], r_sum float8[], r_min float8[], r_max float8[], r_first float8[], r_last float8[], r_integral float8[],
  m_machine integer[], m_hour bigint[],
  s_machine integer[], s_width bigint[], s_start bigint[], s_transitions integer[], s_time bigint[], s_covered bigint[], s_integral float8[],
  q_revision bigint[], q_series integer[], q_reason text[]
) returns void language plpgsql as $$
begin
  delete from rollup_hour r using unnest(h_series, h_hour) as h(series, hour)
    where r.valid_from > (select max(revision) from watermark) and r.series_id = h.series and r.hour_us = h.hour;
  -- A changed hour has no roll-up until it is rolled up again; only one that had one needs to be told so.
  insert into rollup_hour (valid_from, series_id, hour_us)
    select p_to, h.series, h.hour from unnest(h_series, h_hour) as h(series, hour)
    where (select count is not null from rollup_hour r where r.series_id = h.series and r.hour_us = h.hour order by valid_from desc limit 1);
  insert into rollup_due (series_id, hour_us)
    select h.series, h.hour from unnest(h_series, h_hour) as h(series, hour) on conflict do nothing;
  perform add_rollups(p_to, r_series, r_hour, r_count, r_first_us, r_last_us, r_min_us, r_max_us, r_covered, r_sum, r_min, r_max,
    r_first, r_last, r_integral, s_machine, s_width, s_start, s_transitions, s_time, s_covered, s_integral);

  insert into quarantine (revision, series_id, reason, payload)
    select q.revision, q.series, q.reason, log.payload from unnest(q_revision, q_series, q_reason) as q(revision, series, reason)
    join log on log.revision = q.revision and log.series_id = q.series;
  insert into watermark (revision) values (p_to);
end $$;

-- After begin_step(p_from): what is rolled up as of that watermark holds from the next revision on, so
-- that no answer at a watermark that there is changes. A step of before may not know a declaration
-- that has changed since it began, whatever has been recalculated meanwhile: then false, and nothing
-- is written. Processes learn of declarations within ten seconds.
create function roll_up_ahead(
  p_from bigint, p_began bigint,
  r_series integer[], r_hour bigint[], r_count bigint[], r_first_us bigint[], r_last_us bigint[], r_min_us bigint[], r_max_us bigint[],
  r_covered bigint[], r_sum float8[], r_min float8[], r_max float8[], r_first float8[], r_last float8[], r_integral float8[],
  s_machine integer[], s_width bigint[], s_start bigint[], s_transitions integer[], s_time bigint[], s_covered bigint[], s_integral float8[]
) returns boolean language plpgsql as $$
begin
  if exists (select from series where redeclared_at > from_us(p_began) - interval '10 seconds') then
    return false;
  end if;
  perform add_rollups(p_from + 1, r_series, r_hour, r_count, r_first_us, r_last_us, r_min_us, r_max_us, r_covered, r_sum, r_min, r_max,
    r_first, r_last, r_integral, s_machine, s_width, s_start, s_transitions, s_time, s_covered, s_integral);
  return true;
end $$;

-- As in 0032. Sums of what was rolled up ahead are stale too.
create or replace function redeclare(
  p_series integer, p_unit text, p_max_gap_us bigint, p_learned_us bigint[], p_learned_last_us bigint, p_sample_type smallint,
  p_any boolean, p_expected bigint[]
) returns boolean language plpgsql as $$
declare
  v_series series;
  v_unit text;
  v_gap_us bigint;
  v_type smallint;
begin
  select * into strict v_series from series where id = p_series for update;
  if not p_any and v_series.learned_us is distinct from p_expected then
    return false;
  end if;
  v_unit := case when p_any or v_series.unit = '' then coalesce(p_unit, v_series.unit) else v_series.unit end;
  v_gap_us := case when p_any or v_series.learned_us is not null then p_max_gap_us else v_series.max_gap_us end;
  v_type := case when p_any or v_series.sample_type is null then coalesce(p_sample_type, v_series.sample_type)
    else v_series.sample_type end;
  update series set unit = v_unit, max_gap_us = v_gap_us, learned_us = p_learned_us, learned_last_us = p_learned_last_us,
    sample_type = v_type where id = p_series;
  if v_gap_us <> v_series.max_gap_us or coalesce(v_type, 1) <> coalesce(v_series.sample_type, 1) then
    -- A step of compaction that began before sums up by the old ones: it ends no later than the newest commit of now, or rolls up ahead
    -- of the next one.
    update series set stale_through = (select revision + 1 from log_head()), redeclared_at = clock_timestamp() where id = p_series;
  end if;
  if v_gap_us <> v_series.max_gap_us or v_unit <> v_series.unit or v_type is distinct from v_series.sample_type then
    perform note_redeclared(array[p_series]);
  end if;
  return true;
end $$;

-- Those that are stale already, likewise.
update series set stale_through = stale_through + 1 where stale_through is not null;
select note_redeclared(array_agg(id)) from series where stale_through is not null;

-- As in 0040. An hour of a machine is over when a newer record was committed: it waits for nothing else.
create or replace view millrace_v1.compaction as
  select w.compacted_at as time, w.revision as watermark, head.revision as head, head.revision - w.revision as lag_commits,
    greatest(coalesce(extract(epoch from now() - (
      select r.committed_at from receipt r where r.revision > w.revision order by r.revision limit 1)), 0), 0)::float8 as lag_seconds,
    (select count(*) from quarantine) as quarantined,
    (select count(*) from held_commit where released_at is null) as held,
    (select count(*) from (
      select from (
        select d.hour_us from rollup_due d where d.hour_us <= to_us(now()) - 3600000000
        union all
        select d.hour_us from rollup_state_due d
        where d.hour_us <= (select least(to_us(now()), millrace_v1.history_end())) - 3600000000) due
      limit 100000) counted) as hours_due
  from (select * from watermark order by revision desc limit 1) w,
    (select coalesce((select max(revision) from receipt), max(first_revision) - 1) as revision from log_segment) head;
comment on view millrace_v1.compaction is
  'How far the history is behind the log. time: of the last step; lag_seconds: age of the oldest commit that is only in the log; '
  'hours_due: hours of signals and machines that are over and not rolled up, 100,000 at most';
