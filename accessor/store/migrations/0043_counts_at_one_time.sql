-- A counter that is higher in the second of two samples of one time went up by so much, as lineArea()
-- has it now: a source that counts faster than its clock ticks loses nothing.

-- As in 0034. Between two blocks the part asked for is empty if they meet in one time.
create or replace function line_area(
  p_us bigint, p_value float8, q_us bigint, q_value float8, p_from bigint, p_to bigint, max_gap bigint, sample_type smallint
) returns table (integral float8, covered_us bigint) language sql immutable parallel safe rows 1
begin atomic
  select
    case
      when sample_type = 3 and q_us = p_us and p_us >= p_from and (p_us < p_to or p_to = p_from)
        then case
          when q_value <= p_value then 0
          when p_value >= 0 then tame(q_value - p_value)
          else tame(q_value) - tame(p_value) end
      when not coalesce(part.us > 0, false) then 0
      when sample_type = 2 then tame(p_value) * (part.us / 1e6::float8)
      -- Below the one before: counted from 0 again.
      when sample_type = 3 then case
          when q_value < p_value then greatest(tame(q_value), 0)
          -- Infinity less Infinity is no number, and beyond 0 a difference does not overflow.
          when p_value >= 0 then tame(q_value - p_value)
          else tame(q_value) - tame(p_value) end
        * (part.us / (q_us - p_us)::float8)
      else (tame(p_value) * (1 - part.f) + tame(q_value) * part.f) * (part.us / 1e6::float8)
    end,
    greatest(part.us, 0)
  from (select
    case when q_us - p_us <= max_gap or sample_type = 2 and q_us >= p_us
      then least(q_us, p_us + max_gap, p_to) - greatest(p_us, p_from) else 0 end as us,
    -- Half way along the part, from p to q.
    ((greatest(p_us, p_from) - p_us) + (least(q_us, p_to) - p_us)) / 2::float8 / nullif(q_us - p_us, 0) as f) part;
end;

-- As in 0042.
create or replace function exact_area(
  p_us bigint, p_value numeric, q_us bigint, q_value numeric, p_from bigint, p_to bigint, max_gap bigint, sample_type smallint
) returns table (integral numeric, covered_us bigint) language sql immutable parallel safe rows 1
begin atomic
  select
    case
      when sample_type = 3 and q_us = p_us and p_us >= p_from and p_us < p_to
        then case when q_value > p_value then q_value - p_value else 0 end
      when not coalesce(part.us > 0, false) then 0
      when sample_type = 2 then p_value * part.us * 0.000001
      when sample_type = 3 then case
          when q_value < p_value then greatest(q_value, 0)
          when p_value = 'Infinity' then 0
          else q_value - p_value end
        * case when part.us = part.span then 1 else part.us * 1.000000000000000000000000000000 / part.span end
      when part.us = part.span then (p_value + q_value) * part.us * 0.0000005
      -- The value half way along the part: weights are whole microseconds.
      else (p_value * (2 * part.span - part.twice) + q_value * part.twice)
        * part.us * 0.000000500000000000000000000000000000 / part.span
    end,
    greatest(part.us, 0)
  from (select q_us - p_us as span, (greatest(p_us, p_from) - p_us) + (least(q_us, p_to) - p_us) as twice,
    case when q_us - p_us <= max_gap or sample_type = 2 and q_us >= p_us
      then least(q_us, p_us + max_gap, p_to) - greatest(p_us, p_from) else 0 end as us) part;
end;
