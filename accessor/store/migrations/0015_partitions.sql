-- Partitions of block that no batch can multiply: a week each for the last year or two, 52 weeks each before that; what deletes from block names
-- the range of one partition, as a literal, so that no statement plans, opens or locks all of them. accessor/store/partitions.ts decides the ranges.

-- Makes the partition of a range of whole weeks and attaches it, so that nobody who reads or writes waits. False if it is there.
create function make_block_partition(p_name text, p_from bigint, p_to bigint) returns boolean language plpgsql as $$
begin
  if to_regclass(p_name) is not null then
    return false;
  end if;
  execute format('create table %I (like block including defaults including constraints including storage)', p_name);
  execute format('alter table block attach partition %I for values from (%s) to (%s)', p_name, p_from, p_to);
  return true;
end $$;

-- Puts small partitions into a new one that covers their range and what lies between them. Readers wait for the moment that it takes; it waits for
-- them a second at most, since whoever comes later waits behind it.
create function merge_block_partitions(p_names text[], p_name text, p_from bigint, p_to bigint) returns void language plpgsql
set lock_timeout = '1s' as $$
declare
  v_name text;
  v_columns text;
begin
  lock table only block in access exclusive mode;
  select string_agg(quote_ident(attname), ', ' order by attnum) into v_columns
    from pg_attribute where attrelid = 'block'::regclass and attnum > 0 and not attisdropped;
  execute format('create table %I (like block including defaults including constraints including storage)', p_name);
  foreach v_name in array p_names loop
    execute format('alter table block detach partition %I', v_name);
    execute format('insert into %I (%s) select %s from %I', p_name, v_columns, v_columns, v_name);
    execute format('drop table %I', v_name);
  end loop;
  execute format('alter table block attach partition %I for values from (%s) to (%s)', p_name, p_from, p_to);
end $$;

-- As in 0005, but a week's blocks at a time, and of 64 weeks at most: call again until nothing went.
create or replace function drop_superseded(p_age_ms bigint, p_limit integer default 2147483647, out passed bigint, out blocks integer)
language plpgsql as $$
declare
  v_ended record;
  v_rolled_up bigint;
begin
  select coalesce(max(revision), 0) into passed from watermark
    where compacted_at < clock_timestamp() - p_age_ms * interval '1 millisecond';
  delete from watermark where revision < passed;

  blocks := 0;
  for v_ended in
    select week, array_agg(block_id) as ids from (
      select block_id, floor(bucket_us::numeric / 604800000000)::bigint * 604800000000 as week
      from block_end where ended_at <= passed order by ended_at limit p_limit) ended
    group by week order by week limit 64
  loop
    execute format('delete from block b using block_end e
      where e.block_id = any($1) and b.series_id = e.series_id and b.bucket_us = e.bucket_us and b.block_id = e.block_id
        and b.bucket_us >= %s and b.bucket_us < %s', v_ended.week, v_ended.week + 604800000000) using v_ended.ids;
    delete from block_end where block_id = any(v_ended.ids);
    blocks := blocks + cardinality(v_ended.ids);
  end loop;

  select rollups_through into strict v_rolled_up from tidied for update;
  delete from rollup_hour r using rollup_hour n
    where n.valid_from > v_rolled_up and n.valid_from <= passed
      and r.series_id = n.series_id and r.hour_us = n.hour_us and r.valid_from < n.valid_from;
  delete from rollup_state r using rollup_state n
    where n.valid_from > v_rolled_up and n.valid_from <= passed
      and r.machine_id = n.machine_id and r.width_us = n.width_us and r.start_us = n.start_us and r.valid_from < n.valid_from;
  update tidied set rollups_through = passed where rollups_through < passed;
end $$;

-- Retention of some series, or of all (null), in the range of one partition: at most p_limit rows; answers how many went.
create function drop_blocks_between(p_series integer[], p_from bigint, p_to bigint, p_limit integer) returns integer language plpgsql as $$
declare
  v_dropped integer;
begin
  execute format('with old as (
      select block_id, series_id, bucket_us from block
      where bucket_us >= %1$s and bucket_us < %2$s and ($1 is null or series_id = any($1)) limit $2)
    delete from block b using old
    where b.series_id = old.series_id and b.bucket_us = old.bucket_us and b.block_id = old.block_id
      and b.bucket_us >= %1$s and b.bucket_us < %2$s', p_from, p_to) using p_series, p_limit;
  get diagnostics v_dropped = row_count;
  return v_dropped;
end $$;
