-- Partitions of block: a week each, from a Thursday (as 1970-01-01 was), or several weeks.

create or replace function block_partition(
  p_bucket bigint, out name text, out from_us bigint, out to_us bigint
) language sql immutable as $$
  select 'block_' || to_char(from_us(w.start) at time zone 'UTC', 'YYYYMMDD'), w.start,
    w.start + us_per_week()
  from (select floor(p_bucket::numeric / us_per_week())::bigint * us_per_week()) as w(start)
$$;
comment on function block_partition is
  'Name and range, in microseconds, of the partition of a week';

create or replace function make_block_partition(p_bucket bigint) returns boolean
language plpgsql as $$
declare
  v record;
begin
  select * into strict v from block_partition(p_bucket);
  return make_block_partition(v.name, v.from_us, v.to_us);
end $$;
comment on function make_block_partition(bigint) is
  'Makes the partition of a week and attaches it, without making readers or writers wait. False '
  'if it exists';

create or replace function make_block_partition(p_name text, p_from bigint, p_to bigint)
returns boolean language plpgsql as $$
begin
  if to_regclass(p_name) is not null then
    return false;
  end if;
  execute format(
    'create table %I (like block including defaults including constraints including storage)',
    p_name);
  execute format('alter table block attach partition %I for values from (%s) to (%s)', p_name,
    p_from, p_to);
  return true;
end $$;
comment on function make_block_partition(text, bigint, bigint) is
  'Makes the partition of a range of whole weeks and attaches it, without making readers or '
  'writers wait. False if it exists';

-- Readers wait while it moves the rows. It waits for readers one second at most, since later
-- readers wait behind it.
create or replace function merge_block_partitions(
  p_names text[], p_name text, p_from bigint, p_to bigint
) returns void language plpgsql set lock_timeout = '1s' as $$
declare
  v_name text;
  v_columns text;
begin
  lock table only block in access exclusive mode;
  select string_agg(quote_ident(attname), ', ' order by attnum) into v_columns
    from pg_attribute where attrelid = 'block'::regclass and attnum > 0 and not attisdropped;
  execute format(
    'create table %I (like block including defaults including constraints including storage)',
    p_name);
  foreach v_name in array p_names loop
    execute format('alter table block detach partition %I', v_name);
    execute format('insert into %I (%s) select %s from %I', p_name, v_columns, v_columns, v_name);
    execute format('drop table %I', v_name);
  end loop;
  execute format('alter table block attach partition %I for values from (%s) to (%s)', p_name,
    p_from, p_to);
end $$;
comment on function merge_block_partitions is
  'Puts small partitions into a new one that covers their range and what lies between them';
