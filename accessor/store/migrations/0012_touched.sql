-- When which part of a series was last touched: what an answer's version hangs on. Kept by compaction, so up to its watermark; the log says the
-- rest. By minute (width_us 60000000), hour and day of UTC, so that a range of any length comes to few rows. revision is in no index, so that
-- the present minute, hour and day are written anew in place.
create table touched (
  start_us bigint not null,
  width_us bigint not null,
  revision bigint not null,
  series_id integer not null,
  primary key (series_id, width_us, start_us)
) with (fillfactor = 70);

-- Minutes in which samples, state changes or error reports arrived, and with which revision at the latest.
create function note_touched(t_series integer[], t_minute bigint[], t_revision bigint[]) returns void language sql as $$
  insert into touched (series_id, width_us, start_us, revision)
    select t.series, w.width, t.minute - mod(mod(t.minute, w.width) + w.width, w.width), max(t.revision)
    from unnest(t_series, t_minute, t_revision) as t(series, minute, revision), unnest(array[60000000, 3600000000, 86400000000]) as w(width)
    group by 1, 2, 3 order by 1, 2, 3
  on conflict (series_id, width_us, start_us) do update set revision = greatest(touched.revision, excluded.revision);
$$;

-- How often retention has removed something, and up to which time: then an answer changes although nothing was stored.
create table removal (
  single boolean primary key default true check (single),
  count bigint not null,
  before_us bigint not null
);
insert into removal (count, before_us) values (0, -9007199254740991);

create function note_removal(p_before bigint) returns void language sql as $$
  update removal set count = count + 1, before_us = greatest(before_us, p_before);
$$;

create function drop_touched_before(p_before bigint, p_limit integer) returns integer language sql as $$
  with gone as (
    delete from touched where (series_id, width_us, start_us) in (
      select series_id, width_us, start_us from touched where start_us + width_us < p_before limit p_limit)
    returning 1)
  select count(*)::int4 from gone;
$$;
