-- Streams of integers in a block: docs/block-format.md.

create or replace function millrace_v1.block_refuse(reason text) returns void
language plpgsql immutable parallel safe as $$
begin
  raise exception 'corrupt block: %', reason using errcode = 'data_corrupted';
end $$;
comment on function millrace_v1.block_refuse is
  'Fails with data_corrupted (XX001): the bytes break the format';

create or replace function millrace_v1.block_byte(p bytea, inout at integer, out v integer)
language plpgsql immutable parallel safe as $$
begin
  if at >= octet_length(p) then
    perform millrace_v1.block_refuse('it ends early');
  end if;
  v := get_byte(p, at);
  at := at + 1;
end $$;
comment on function millrace_v1.block_byte is 'The byte at a place, from 0, and the place after it';

create or replace function millrace_v1.block_varint(p bytea, inout at integer, out v bigint)
language plpgsql immutable parallel safe as $$
declare
  v_byte integer;
begin
  v := 0;
  for i in 0 .. 7 loop
    if at >= octet_length(p) then
      perform millrace_v1.block_refuse('it ends early');
    end if;
    v_byte := get_byte(p, at);
    at := at + 1;
    v := v | ((v_byte & 127)::bigint << 7 * i);
    if v_byte < 128 and v < 9007199254740992 then
      return;
    end if;
    exit when v_byte < 128;
  end loop;
  perform millrace_v1.block_refuse('a varint exceeds 2^53');
end $$;
comment on function millrace_v1.block_varint is
  'The varint at a place, from 0, and the place after it';

create or replace function millrace_v1.block_signed_varint(
  p bytea, inout at integer, out v bigint
) language plpgsql immutable parallel safe as $$
begin
  select b.at, (b.v >> 1) # -(b.v & 1) into at, v from millrace_v1.block_varint(p, at) b;
end $$;
comment on function millrace_v1.block_signed_varint is
  'The zigzag varint at a place, from 0, and the place after it';

-- So bit k of the format is bit k from the right, and an integer of the format is one substring.
create or replace function millrace_v1.block_bits(p bytea, at integer, bytes integer)
returns bit varying language plpgsql immutable parallel safe as $$
declare
  v_low constant bit varying := ('x' || repeat('0f', bytes))::bit varying;
  v_bits bit varying;
begin
  if at + bytes > octet_length(p) then
    perform millrace_v1.block_refuse('it ends early');
  end if;
  -- Reversed as hexadecimal digits, so the two of each byte change places again.
  v_bits := ('x' || reverse(encode(substring(p from at + 1 for bytes), 'hex')))::bit varying;
  return ((v_bits & v_low) << 4) | ((v_bits >> 4) & v_low);
end $$;
comment on function millrace_v1.block_bits is 'Bytes as bits, the last byte first';

-- Predictions are running sums. A cast of a bigint to bit(32) and on to integer is "mod 2^32,
-- signed".
create or replace function millrace_v1.block_integers(
  p bytea, n integer, inout at integer, out x integer[]
) language plpgsql immutable parallel safe as $$
declare
  v_predictor integer;
  v_groups constant integer := (n + 127) / 128;
  v_length integer;
  v_head integer;
  v_width integer;
  v_centre bigint;
  v_widths integer[] := array_fill(0, array[v_groups]);
  v_bases bigint[] := array_fill(0::bigint, array[v_groups]);
  -- Where a group's bits begin, counted from the right.
  v_starts integer[] := array_fill(0, array[v_groups]);
  v_bytes integer := 0;
  v_bits bit varying;
  v_total integer;
  v_patches integer;
  v_patch_width integer;
  v_place integer;
  v_before integer;
  v_z bigint;
  v_places integer[] := '{}';
  v_patch bigint[] := '{}';
begin
  select b.at, b.v into at, v_predictor from millrace_v1.block_byte(p, at) b;
  if v_predictor = 15 then
    x := array_fill(0, array[n]);
    return;
  end if;
  if v_predictor > 9 then
    perform millrace_v1.block_refuse(format('predictor %s is not known', v_predictor));
  end if;

  for g in 1 .. v_groups loop
    v_length := least(128, n - 128 * (g - 1));
    select b.at, b.v into at, v_head from millrace_v1.block_byte(p, at) b;
    v_width := v_head & 63;
    if v_width > 32 then
      perform millrace_v1.block_refuse(format('a width of %s bits', v_width));
    end if;
    v_centre := 0;
    if v_head & 64 <> 0 then
      select b.at, b.v into at, v_centre from millrace_v1.block_signed_varint(p, at) b;
    end if;
    v_widths[g] := v_width;
    v_bases[g] := v_centre - case v_width when 0 then 0 else 1::bigint << (v_width - 1) end;
    v_starts[g] := 8 * v_bytes;
    v_bytes := v_bytes + (v_length * v_width + 7) / 8;
    continue when v_head & 128 = 0;

    select b.at, b.v into at, v_patches from millrace_v1.block_byte(p, at) b;
    select b.at, b.v into at, v_patch_width from millrace_v1.block_byte(p, at) b;
    if v_patches = 0 or v_patches > v_length or v_width = 32 or v_width + v_patch_width > 32 then
      perform millrace_v1.block_refuse('a patch list does not fit its group');
    end if;
    v_bits := millrace_v1.block_bits(p, at + v_patches, (v_patches * v_patch_width + 7) / 8);
    v_before := -1;
    for i in 0 .. v_patches - 1 loop
      v_place := get_byte(p, at + i);
      if v_place <= v_before or v_place >= v_length then
        perform millrace_v1.block_refuse('a patch lies outside its group');
      end if;
      v_before := v_place;
      v_z := (substring(v_bits from length(v_bits) - (i + 1) * v_patch_width + 1 for v_patch_width)
        ::integer::bigint + 1) & 4294967295;
      v_places := v_places || (128 * (g - 1) + v_place + 1);
      v_patch := v_patch || (((v_z >> 1) # -(v_z & 1)) << v_width);
    end loop;
    at := at + v_patches + (v_patches * v_patch_width + 7) / 8;
  end loop;

  v_bits := millrace_v1.block_bits(p, at, v_bytes);
  v_total := 8 * v_bytes;
  at := at + v_bytes;
  x := array(
    select (v_bases[g]
      + substring(v_bits from v_total - v_starts[g] - (i % 128 + 1) * v_widths[g] + 1
          for v_widths[g])::integer)::bit(32)::integer
    from generate_series(0, n - 1) i, lateral (select i / 128 + 1) as in_group(g) order by i);
  for i in 1 .. cardinality(v_places) loop
    x[v_places[i]] := (x[v_places[i]] + v_patch[i])::bit(32)::integer;
  end loop;

  if v_predictor between 1 and 8 then
    x := array(
      select (sum(r >> (v_predictor - 1)) over w - (r >> (v_predictor - 1)) + r)::bit(32)::integer
      from unnest(x) with ordinality residual(r, i)
      window w as (order by i rows unbounded preceding) order by i);
  elsif v_predictor = 9 then
    x := array(
      select (sum(t) over (order by i rows unbounded preceding))::bit(32)::integer
      from (select i, (sum(r) over (order by i rows unbounded preceding))::bit(32)::integer as t
        from unnest(x) with ordinality residual(r, i)) trend order by i);
  end if;
end $$;
comment on function millrace_v1.block_integers is
  'The stream of n integers at a place, from 0, and the place after it';
