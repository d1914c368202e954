-- Blocks of samples: docs/block-format.md.

-- PostgreSQL has one NaN, so the payload of a NaN is lost.
create or replace function millrace_v1.block_float8(patterns bigint[]) returns float8[]
language plpgsql immutable parallel safe as $$
declare
  -- 2^(32 * (i - 1) - 1074) by doubling, not by power(), which may round.
  v_scales float8[] := array['4.9406564584124654e-324'::float8];
begin
  for i in 2 .. 64 loop
    v_scales[i] := v_scales[i - 1] * 4294967296;
  end loop;
  return array(
    select case
        when exponent < 2047 then
          sign * ((mantissa + case exponent when 0 then 0 else 4503599627370496 end)::float8
            * ((1::bigint << greatest(exponent, 1) % 32)::float8 * 0.5)
            * v_scales[greatest(exponent, 1) / 32 + 1])
        when mantissa = 0 then sign * 'Infinity'::float8
        else 'NaN'::float8
      end
    from unnest(patterns) with ordinality u(pattern, i),
      lateral (select (case when pattern < 0 then -1 else 1 end)::float8,
        (pattern >> 52 & 2047)::integer, pattern & 4503599627370495)
        as part(sign, exponent, mantissa)
    order by i);
end $$;
comment on function millrace_v1.block_float8 is
  'Bit patterns as float8: sign, mantissa and power of two, multiplied without rounding';

create or replace function millrace_v1.block_times(
  p bytea, flags integer, n integer, first_us bigint, span_us bigint, inout at integer,
  out times bigint[]
) language plpgsql immutable parallel safe as $$
declare
  -- Far above any time, far below what a bigint holds.
  v_limit constant float8 := 18014398509481984;
  v_exponent integer;
  v_unit bigint;
  v_period bigint;
  v_runs bigint := 0;
  v_step bigint;
  v_jump bigint;
  v_begins integer[] := array[0];
  v_anchors bigint[] := array[first_us];
  v_begin integer := 0;
  v_anchor bigint := first_us;
  v_offsets integer[];
  v_before bigint := first_us;
  v_time bigint;
begin
  if flags & 3 = 0 then
    if span_us % greatest(n - 1, 1) <> 0 or (n = 1 and span_us <> 0) then
      perform millrace_v1.block_refuse('the span is not a whole number of periods');
    end if;
    v_period := span_us / greatest(n - 1, 1);
    times := array(select first_us + i * v_period from generate_series(0, n - 1) i order by i);
    return;
  end if;

  select b.at, b.v into at, v_exponent from millrace_v1.block_byte(p, at) b;
  if v_exponent > 6 then
    perform millrace_v1.block_refuse(format('a time unit of 10^%s µs', v_exponent));
  end if;
  v_unit := ('1e' || v_exponent)::numeric;
  select b.at, b.v into at, v_period from millrace_v1.block_varint(p, at) b;
  if flags & 1 <> 0 then
    select b.at, b.v into at, v_runs from millrace_v1.block_varint(p, at) b;
    if v_runs >= n then
      perform millrace_v1.block_refuse('a run of times lies outside the block');
    end if;
  end if;
  for i in 1 .. v_runs loop
    select b.at, b.v into at, v_step from millrace_v1.block_varint(p, at) b;
    if v_step = 0 or v_begin + v_step >= n then
      perform millrace_v1.block_refuse('a run of times lies outside the block');
    end if;
    select b.at, b.v into at, v_jump from millrace_v1.block_varint(p, at) b;
    if greatest(v_jump, v_period * (v_step - 1)::float8) * v_unit + v_anchor > v_limit then
      perform millrace_v1.block_refuse('times miss the span');
    end if;
    v_begin := v_begin + v_step;
    v_anchor := v_anchor + v_jump * v_unit;
    v_begins[i + 1] := v_begin;
    v_anchors[i + 1] := v_anchor;
  end loop;
  if v_period * (n - 1 - v_begin)::float8 * v_unit + v_anchor > v_limit then
    perform millrace_v1.block_refuse('times miss the span');
  end if;

  if flags & 2 <> 0 then
    select b.at, b.x into at, v_offsets from millrace_v1.block_integers(p, n, at) b;
  else
    v_offsets := array_fill(0, array[n]);
  end if;
  times := array(
    select run.anchor + v_unit * ((i - run.start) * v_period + v_offsets[i + 1])
    from (select start, lead(start, 1, n) over (order by start) - 1, anchor
      from unnest(v_begins, v_anchors) u(start, anchor))
      as run(start, finish, anchor), generate_series(run.start, run.finish) i
    order by i);
  foreach v_time in array times loop
    exit when v_time < v_before;
    v_before := v_time;
  end loop;
  -- Left early, v_before lies above what follows it.
  if times[1] <> first_us or v_time <> first_us + span_us or v_before <> v_time then
    perform millrace_v1.block_refuse('times are unsorted or miss the span');
  end if;
end $$;
comment on function millrace_v1.block_times is
  'The times of a block, or the regular grid that stands for them, in microseconds since 1970';

create or replace function millrace_v1.block_values(
  p bytea, flags integer, n integer, inout at integer, out "values" float8[]
) language plpgsql immutable parallel safe as $$
declare
  v_digits integer;
  v_scale float8;
  v_origin bigint;
  v_step bigint := 1;
  v_verbatim bigint := 0;
  v_distance bigint;
  v_index bigint := 0;
  v_indexes integer[] := '{}';
  v_patterns bigint[] := '{}';
  v_exact float8[];
  v_head integer;
  v_zeros integer;
  v_low0 bigint;
  v_high0 bigint;
  v_low integer[];
  v_high integer[];
begin
  if flags & 4 = 0 then
    select b.at, b.v into at, v_digits from millrace_v1.block_byte(p, at) b;
    if v_digits > 9 then
      perform millrace_v1.block_refuse(format('%s decimal digits', v_digits));
    end if;
    v_scale := ('1e' || v_digits)::float8;
    select b.at, b.v into at, v_origin from millrace_v1.block_signed_varint(p, at) b;
    if flags & 8 <> 0 then
      select b.at, b.v into at, v_step from millrace_v1.block_varint(p, at) b;
    end if;
    if flags & 16 <> 0 then
      select b.at, b.v into at, v_verbatim from millrace_v1.block_varint(p, at) b;
    end if;
    if v_verbatim > n then
      perform millrace_v1.block_refuse('more verbatim values than samples');
    end if;
    for i in 1 .. v_verbatim loop
      select b.at, b.v into at, v_distance from millrace_v1.block_varint(p, at) b;
      v_index := v_index + v_distance;
      if v_index >= n then
        perform millrace_v1.block_refuse('a verbatim value lies outside the block');
      end if;
      v_indexes[i] := v_index;
      v_patterns[i] := millrace_v1.block_bits(p, at, 8)::bit(64)::bigint;
      at := at + 8;
    end loop;
    select b.at, b.x into at, v_low from millrace_v1.block_integers(p, n, at) b;
    "values" := array(
      select (v_origin::float8 + x * v_step::float8) / v_scale
        from unnest(v_low) with ordinality u(x, i) order by i);
    v_exact := millrace_v1.block_float8(v_patterns);
    for i in 1 .. v_verbatim loop
      "values"[v_indexes[i] + 1] := v_exact[i];
    end loop;
    return;
  end if;

  select b.at, b.v into at, v_head from millrace_v1.block_byte(p, at) b;
  v_zeros := v_head & 63;
  if v_zeros > 62 or v_head >= 192 then
    perform millrace_v1.block_refuse('a pattern head is not known');
  end if;
  v_low0 := millrace_v1.block_bits(p, at, 4)::bit(32)::integer;
  v_high0 := millrace_v1.block_bits(p, at + 4, 4)::bit(32)::integer;
  at := at + 8;
  select b.at, b.x into at, v_high from millrace_v1.block_integers(p, n, at) b;
  select b.at, b.x into at, v_low from millrace_v1.block_integers(p, n, at) b;
  "values" := millrace_v1.block_float8(array(
    select case
        when v_head >= 128
          then (z << 63) | ((z >> 1 & 9223372036854775807) << v_zeros & 9223372036854775807)
        else ((v_head >> 6)::bigint << 63) | (z << v_zeros & 9223372036854775807)
      end
    from unnest(v_high, v_low) with ordinality u(high, low, i),
      lateral (select ((v_high0 + high) << 32) | ((v_low0 + low) & 4294967295)) as pattern(z)
    order by i));
end $$;
comment on function millrace_v1.block_values is 'The values of a block';

-- In order, with ordinals from 1. Fails with data_corrupted (XX001) where the bytes break the
-- format.
create or replace function millrace_v1.decode_block(payload bytea)
returns table (ordinal integer, time_us bigint, value float8)
language plpgsql immutable strict parallel safe cost 10000 rows 1000 as $$
declare
  -- A copy in memory: of the stored one, every look at a byte would fetch all of it.
  p constant bytea := payload || ''::bytea;
  v_version integer;
  v_flags integer;
  v_count bigint;
  v_first bigint;
  v_span bigint;
  v_times bigint[];
  v_values float8[];
  v_at integer := 0;
begin
  select b.at, b.v into v_at, v_version from millrace_v1.block_byte(p, v_at) b;
  if v_version <> 1 then
    perform millrace_v1.block_refuse(format('version %s is not known', v_version));
  end if;
  select b.at, b.v into v_at, v_flags from millrace_v1.block_byte(p, v_at) b;
  if v_flags > 31 or (v_flags & 4 <> 0 and v_flags & 24 <> 0) then
    perform millrace_v1.block_refuse(format('flags %s are not known', v_flags));
  end if;
  select b.at, b.v into v_at, v_count from millrace_v1.block_varint(p, v_at) b;
  if v_count not between 1 and 65536 then
    perform millrace_v1.block_refuse(format('%s samples', v_count));
  end if;
  v_first := millrace_v1.block_bits(p, v_at, 8)::bit(64)::bigint;
  select b.at, b.v into v_at, v_span from millrace_v1.block_varint(p, v_at + 8) b;
  if v_first not between -9007199254740991 and 9007199254740991
    or v_first + v_span > 9007199254740991 then
    perform millrace_v1.block_refuse('a time lies beyond 2^53');
  end if;
  select b.at, b.times into v_at, v_times
    from millrace_v1.block_times(p, v_flags, v_count::integer, v_first, v_span, v_at) b;
  select b.at, b.values into v_at, v_values
    from millrace_v1.block_values(p, v_flags, v_count::integer, v_at) b;
  if v_at <> octet_length(p) then
    perform millrace_v1.block_refuse('bytes follow its end');
  end if;
  return query select u.i::integer, u.t, u.v
    from unnest(v_times, v_values) with ordinality u(t, v, i);
end $$;
comment on function millrace_v1.decode_block is
  'Samples of a block, bit for bit: docs/block-format.md';
