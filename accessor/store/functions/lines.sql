-- The area under what joins two samples: a line, a step or the increase of a counter.

-- As lineArea() in accessor/history. If a block ends at the time at which the next one begins,
-- [p_from, p_to) is empty and what a counter went up by between them still counts.
create or replace function line_area(
  p_us bigint, p_value float8, q_us bigint, q_value float8, p_from bigint, p_to bigint,
    max_gap bigint, sample_type smallint
) returns table (integral float8, covered_us bigint) language sql immutable parallel safe rows 1
begin atomic
  select
    case
      when sample_type = sample_type_counter() and q_us = p_us and p_us >= p_from
        and (p_us < p_to or p_to = p_from)
        then case
          when q_value <= p_value then 0
          when p_value >= 0 then tame(q_value - p_value)
          else tame(q_value) - tame(p_value) end
      when not coalesce(part.us > 0, false) then 0
      when sample_type = sample_type_step() then tame(p_value) * (part.us / 1e6::float8)
      -- Below the one before: counted from 0 again.
      when sample_type = sample_type_counter() then case
          when q_value < p_value then greatest(tame(q_value), 0)
          -- Infinity less Infinity is no number, and beyond 0 a difference does not overflow.
          when p_value >= 0 then tame(q_value - p_value)
          else tame(q_value) - tame(p_value) end
        * (part.us / (q_us - p_us)::float8)
      else (tame(p_value) * (1 - part.f) + tame(q_value) * part.f) * (part.us / 1e6::float8)
    end,
    greatest(part.us, 0)
  from (select
    case when q_us - p_us <= max_gap or sample_type = sample_type_step() and q_us >= p_us
      then least(q_us, p_us + max_gap, p_to) - greatest(p_us, p_from) else 0 end as us,
    -- Half way along the part, from p to q.
    ((greatest(p_us, p_from) - p_us) + (least(q_us, p_to) - p_us)) / 2::float8 / nullif(q_us - p_us,
      0) as f) part;
end;
comment on function line_area is
  'Area (value times seconds; of counters the increase) and covered time between samples p and '
  'q, cut to [p_from, p_to)';

-- Only cut lines and increases are divided by what does not end, to at least 30 decimal places.
create or replace function exact_area(
  p_us bigint, p_value numeric, q_us bigint, q_value numeric, p_from bigint, p_to bigint,
    max_gap bigint, sample_type smallint
) returns table (integral numeric, covered_us bigint) language sql immutable parallel safe rows 1
begin atomic
  select
    case
      when sample_type = sample_type_counter() and q_us = p_us and p_us >= p_from and p_us < p_to
        then case when q_value > p_value then q_value - p_value else 0 end
      when not coalesce(part.us > 0, false) then 0
      when sample_type = sample_type_step() then p_value * part.us * 0.000001
      when sample_type = sample_type_counter() then case
          when q_value < p_value then greatest(q_value, 0)
          when p_value = 'Infinity' then 0
          else q_value - p_value end
        * case when part.us = part.span then 1
          else part.us * 1.000000000000000000000000000000 / part.span end
      when part.us = part.span then (p_value + q_value) * part.us * 0.0000005
      -- The value half way along the part: weights are whole microseconds.
      else (p_value * (2 * part.span - part.twice) + q_value * part.twice)
        * part.us * 0.000000500000000000000000000000000000 / part.span
    end,
    greatest(part.us, 0)
  from (select q_us - p_us as span,
    (greatest(p_us, p_from) - p_us) + (least(q_us, p_to) - p_us) as twice,
    case when q_us - p_us <= max_gap or sample_type = sample_type_step() and q_us >= p_us
      then least(q_us, p_us + max_gap, p_to) - greatest(p_us, p_from) else 0 end as us) part;
end;
comment on function exact_area is 'The same as line_area(), without rounding';
