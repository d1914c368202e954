-- Samples beside a bucket, and the lines from them into it. These run as their owner, so that
-- readers need no right to the tables.

-- From roll-ups where the blocks are gone.
create or replace function millrace_v1.sample_before(
  p_series integer, p_us bigint, max_gap bigint
) returns float8[]
language plpgsql stable parallel restricted security definer
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
declare
  v float8[];
begin
  -- Most often an hour's, which is rolled up.
  if mod(p_us, us_per_hour()) = 0 then
    select array[r.last_us, r.last] into v
      from (select * from rollup_hour where series_id = p_series and hour_us = p_us - us_per_hour()
        order by valid_from desc limit 1) r
      where r.count is not null;
    if found then
      return case when p_us - v[1] < max_gap then v end;
    end if;
  end if;
  select array[b.last_us, b.last] into v from block b
    -- A bucket is an hour at most.
    where b.series_id = p_series and b.bucket_us < p_us
      and b.bucket_us >= p_us - max_gap - us_per_hour()
      and not exists (select from block_end e where e.block_id = b.block_id offset 0)
    order by b.bucket_us desc, b.first_us desc, b.block_id desc limit 1;
  if not found then
    select array[r.last_us, r.last] into v from rollup_hour r
      where r.series_id = p_series and r.hour_us < p_us
        and r.hour_us >= p_us - max_gap - us_per_hour() and r.last_us < p_us
        and not exists (select from rollup_hour n
          where n.series_id = p_series and n.hour_us = r.hour_us
            and n.valid_from > r.valid_from offset 0)
      order by r.hour_us desc limit 1;
  end if;
  return case when p_us - v[1] < max_gap then v end;
end $$;
comment on function millrace_v1.sample_before is
  '{time in microseconds, value} of the last sample before the start of a bucket, if a line may '
  'reach across it; else null';

-- From roll-ups where the blocks are gone.
create or replace function millrace_v1.sample_after(
  p_series integer, p_us bigint, max_gap bigint
) returns float8[]
language plpgsql stable parallel restricted security definer
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
declare
  v float8[];
begin
  -- Most often an hour's, which is rolled up.
  if mod(p_us, us_per_hour()) = 0 then
    select array[r.first_us, r.first] into v
      from (select * from rollup_hour where series_id = p_series and hour_us = p_us
        order by valid_from desc limit 1) r
      where r.count is not null;
    if found then
      return case when v[1] - p_us < max_gap then v end;
    end if;
  end if;
  select array[b.first_us, b.first] into v from block b
    where b.series_id = p_series and b.bucket_us >= p_us and b.bucket_us < p_us + max_gap
      and not exists (select from block_end e where e.block_id = b.block_id offset 0)
    order by b.bucket_us, b.first_us, b.block_id limit 1;
  if not found then
    select array[r.first_us, r.first] into v from rollup_hour r
      where r.series_id = p_series and r.hour_us >= p_us and r.hour_us < p_us + max_gap
        and r.count is not null
        and not exists (select from rollup_hour n
          where n.series_id = p_series and n.hour_us = r.hour_us
            and n.valid_from > r.valid_from offset 0)
      order by r.hour_us limit 1;
  end if;
  return case when v[1] - p_us < max_gap then v end;
end $$;
comment on function millrace_v1.sample_after is
  '{time in microseconds, value} of the first sample at or after the end of a bucket, if a line '
  'may reach across it; else null';

-- Of a step: what the value before holds of [p_from, p_to), and what the last one in it does. Null
-- if no first sample is given although there are samples in it.
create or replace function millrace_v1.lines_across(
  p_series integer, max_gap bigint, sample_type smallint, p_from bigint, p_to bigint,
  p_first_us bigint, p_first float8, p_last_us bigint, p_last float8, out integral float8,
    out covered_us bigint
)
language plpgsql stable parallel restricted security definer
set plan_cache_mode = force_generic_plan set jit = off set search_path from current as $$
declare
  v_before float8[];
  v_after float8[];
begin
  if p_first_us is null or p_first_us - p_from < max_gap or sample_type = sample_type_step() then
    v_before := millrace_v1.sample_before(p_series, p_from, max_gap);
  end if;
  if p_first_us is null and v_before is not null then
    v_after := millrace_v1.sample_after(p_series, p_from,
      case when sample_type = sample_type_step() then greatest(max_gap, p_to - p_from)
      else max_gap end);
    if sample_type = sample_type_step() and v_after[1] < p_to then
      return;
    end if;
  elsif p_to - p_last_us <= max_gap then
    v_after := millrace_v1.sample_after(p_series, p_to, max_gap);
  end if;
  if sample_type = sample_type_step() and v_after is null then
    v_after := array[millrace_v1.history_end(), null];
  end if;
  select sum(l.integral), sum(l.covered_us) into integral, covered_us
    from (values (v_before[1]::bigint, v_before[2], coalesce(p_first_us, v_after[1]::bigint),
      coalesce(p_first, v_after[2])),
      (p_last_us, p_last, v_after[1]::bigint, v_after[2])) line(p_us, p, q_us, q),
    line_area(line.p_us, line.p, line.q_us, line.q, p_from, p_to, max_gap, sample_type) l;
end $$;
comment on function millrace_v1.lines_across is
  'Area and covered microseconds of [p_from, p_to) under lines across its edges. p_first, '
  'p_last: its own first and last sample';
