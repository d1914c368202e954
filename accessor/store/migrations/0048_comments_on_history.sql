-- What the tables and columns of the history are for.

comment on table alive_due is
  'Machines whose hours before before_us are not in alive_hour yet: those of a database that is '
  'older than that table. Until they are, nobody calls the machine silent there';
comment on column alive_due.machine_id is 'The machine';
comment on column alive_due.before_us is 'Hours from here on are there. Microseconds since 1970';

comment on table alive_hour is
  'In which minutes a machine gave a sign of life. The row with the greatest valid_from up to a '
  'watermark counts, and holds all minutes of earlier versions. An hour without a row has no '
  'such minute';
comment on column alive_hour.hour_us is 'Start of the hour, microseconds since 1970';
comment on column alive_hour.valid_from is 'The watermark from which on this version counts';
comment on column alive_hour.minutes is 'Bit i, from the lowest, is minute i of the hour';
comment on column alive_hour.machine_id is 'The machine';
comment on column alive_hour.first_minute is 'The first such minute, 0 to 59';
comment on column alive_hour.last_minute is 'The last such minute, 0 to 59';

comment on table block is
  'Samples of one series in one bucket, at most 8,192, packed (docs/block-format.md), and their '
  'summary. Inserted and never updated: a rewrite adds blocks and ends old ones. Current blocks '
  'of a series never overlap in time';
comment on column block.block_id is
  'Number. Of blocks with equal first samples, the lower one holds the older samples';
comment on column block.valid_from is 'The watermark from which on it counts';
comment on column block.bucket_us is
  'Start of the bucket (a minute, or an hour if the series is sparse), microseconds since 1970';
comment on column block.first_us is 'Time of the first sample, microseconds since 1970';
comment on column block.last_us is 'Time of the last sample, microseconds since 1970';
comment on column block.min_us is 'When the minimum was first reached, microseconds since 1970';
comment on column block.max_us is 'When the maximum was first reached, microseconds since 1970';
comment on column block.covered_us is
  'Microseconds under lines between samples of this block that are at most max_gap apart';
comment on column block.sum is 'Sum of the values';
comment on column block.min is 'Least value';
comment on column block.max is 'Greatest value';
comment on column block.first is 'First value';
comment on column block.last is 'Last value';
comment on column block.integral is
  'Value times seconds under these lines; of a counter its increase';
comment on column block.series_id is 'The series';
comment on column block.count is 'Number of samples';
comment on column block.payload is 'The packed samples, but for what is in tail';
comment on column block.commits is
  'With which revision each run of samples came (accessor/history/commit-runs.ts)';
comment on column block.tail is
  'The end of the packed samples, which fills no whole chunk out of line; empty in old blocks';

comment on table block_end is 'Blocks that are no longer current';
comment on column block_end.block_id is 'The block';
comment on column block_end.series_id is 'The series of the block';
comment on column block_end.bucket_us is 'The bucket of the block, microseconds since 1970';
comment on column block_end.ended_at is 'The watermark from which on it does not count';

comment on table clock_hour is
  'Each hour from that of the first change of a state to the end of tomorrow, without a hole';
comment on column clock_hour.time is 'Start of the hour';
comment on column clock_hour.hour_us is 'The same in microseconds since 1970';

comment on table compaction_lock is
  'A step of compaction locks this table until it commits. It is always empty';
comment on column compaction_lock.nothing is 'No row passes the check';

comment on table held_commit is
  'Commits that compaction could not put into the history and passed over';
comment on column held_commit.revision is 'The commit';
comment on column held_commit.reason is 'Why';
comment on column held_commit.held_at is 'When it was passed over';
comment on column held_commit.released_at is
  'The watermark from which on the history has it after all; null: it has not';

comment on table held_log is
  'Rows of the log of held commits, where reads find them as if they waited in the log';
comment on column held_log.revision is 'The commit';
comment on column held_log.first_us is 'Time of the first record, microseconds since 1970';
comment on column held_log.last_us is 'Time of the last record, microseconds since 1970';
comment on column held_log.series_id is 'The series';
comment on column held_log.sample_count is 'Number of records';
comment on column held_log.payload is 'As in log';
comment on column held_log.released_at is 'As in held_commit';

comment on table kept_hour is
  'The hours of the days of kept_minute_day: samples_hour looks them up';
comment on column kept_hour.time is 'Start of the hour';
comment on column kept_hour.hour_us is 'The same in microseconds since 1970';

comment on table kept_minute is
  'The minutes of the days of kept_minute_day: samples_minute looks them up';
comment on column kept_minute.time is 'Start of the minute';
comment on column kept_minute.hour_us is 'Start of its hour, microseconds since 1970';

comment on table kept_minute_day is
  'UTC days in which a series that is kept by the hour, or holds its values, has samples';
comment on column kept_minute_day.time is 'Start of the day';
comment on column kept_minute_day.made is 'Whether its minutes are in kept_minute';

comment on table quarantine is 'Rows of the log that compaction could not read and passed over';
comment on column quarantine.revision is 'The commit';
comment on column quarantine.series_id is 'The series';
comment on column quarantine.reason is 'What is wrong with it';
comment on column quarantine.payload is 'As in log';
comment on column quarantine.quarantined_at is 'When it was passed over';

comment on table removal is 'How often retention removed something. One row';
comment on column removal.single is 'Always true';
comment on column removal.count is 'How often, counted before and after each removal';
comment on column removal.before_us is 'Up to which time at most, microseconds since 1970';

comment on table rollup_due is
  'Hours of series that changed since they were rolled up, or never were';
comment on column rollup_due.series_id is 'The series';
comment on column rollup_due.hour_us is 'Start of the hour, microseconds since 1970';

comment on table rollup_hour is
  'Summaries of hours of series. The row with the greatest valid_from up to a watermark counts; '
  'one with a null count says that there is none, so the blocks are to be summed up';
comment on column rollup_hour.valid_from is 'The watermark from which on this version counts';
comment on column rollup_hour.hour_us is 'Start of the hour, microseconds since 1970';
comment on column rollup_hour.first_us is 'As in block';
comment on column rollup_hour.last_us is 'As in block';
comment on column rollup_hour.min_us is 'As in block';
comment on column rollup_hour.max_us is 'As in block';
comment on column rollup_hour.covered_us is 'As in block, of the hour';
comment on column rollup_hour.count is 'Number of samples; null: no summary';
comment on column rollup_hour.sum is 'As in block';
comment on column rollup_hour.min is 'As in block';
comment on column rollup_hour.max is 'As in block';
comment on column rollup_hour.first is 'As in block';
comment on column rollup_hour.last is 'As in block';
comment on column rollup_hour.integral is 'As in block, of the hour';
comment on column rollup_hour.series_id is 'The series';

comment on table rollup_state is
  'Time and energy by state of a machine, by minute and by hour. Versions as in rollup_hour. '
  'Arrays by number of state: unknown 0, active 1, idle 2, fault 3, off 4';
comment on column rollup_state.valid_from is 'The watermark from which on this version counts';
comment on column rollup_state.start_us is
  'Start of the minute or hour, microseconds since 1970';
comment on column rollup_state.width_us is 'Microseconds of a minute or of an hour';
comment on column rollup_state.machine_id is 'The machine';
comment on column rollup_state.transitions is 'How often the state changed; null: no summary';
comment on column rollup_state.time_us is 'Microseconds in each state';
comment on column rollup_state.covered_us is 'Microseconds of each state that signal power covers';
comment on column rollup_state.integral is
  'Signal power times seconds in each state, with lines cut at its edges';

comment on table rollup_state_due is
  'Hours of machines that changed since they were rolled up, or never were';
comment on column rollup_state_due.machine_id is 'The machine';
comment on column rollup_state_due.hour_us is 'Start of the hour, microseconds since 1970';

comment on table series_day is
  'UTC days in which a numeric series has samples, or a value that holds';
comment on column series_day.series_id is 'The series';
comment on column series_day.time is 'Start of the day';

comment on table series_day_due is 'Series whose days are to be found again';
comment on column series_day_due.series_id is 'The series';

comment on table tidied is 'How far tidying got. One row';
comment on column tidied.only_row is 'Always true';
comment on column tidied.rollups_through is
  'Roll-ups that were superseded at this watermark or before are gone';

comment on table touched is
  'When which part of a series was last changed, up to the watermark: what versions of answers '
  'depend on. By minute, hour and day of UTC';
comment on column touched.start_us is 'Start of the part, microseconds since 1970';
comment on column touched.width_us is 'Length of the part in microseconds';
comment on column touched.revision is 'The last commit that changed it';
comment on column touched.series_id is 'The series';

comment on table watermark is
  'Steps of compaction: everything committed up to revision is in the history';
comment on column watermark.revision is 'The newest commit in the history';
comment on column watermark.compacted_at is 'When the step ended';

comment on table zone_clock is
  'Stretches in which the clocks of a time zone are so far ahead of UTC, as the Node of the '
  'accessor knows them';
comment on column zone_clock.zone is 'Name of the zone in lower case';
comment on column zone_clock.from_us is 'Where the stretch begins, microseconds since 1970';
comment on column zone_clock.to_us is 'Where it ends, microseconds since 1970';
comment on column zone_clock.offset_us is 'Microseconds that the clocks are ahead of UTC';
comment on column zone_clock.version is 'Version of the time zone data';
