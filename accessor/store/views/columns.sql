-- What the columns of the views are for, each said once for all views that have it.

do $$
declare
  v_view text;
  v_views text[];
  v_column text;
  v_text text;
begin
  for v_views, v_column, v_text in
    select * from (values
      ('{error_reports,latest,machines,samples_day,samples_hour,samples_minute,signals,
          state_changes,state_hours,state_intervals}'::text[],
        'machine', 'Name of the machine'),
      ('{latest,samples_day,samples_hour,samples_minute,signals}',
        'signal', 'Name of the signal'),
      ('{latest,samples_day,samples_hour,samples_minute,signals}',
        'unit', 'Its unit; empty: none is declared'),
      ('{latest,state_changes,state_intervals}',
        'state', 'ACTIVE, IDLE, FAULT, OFF or UNKNOWN'),
      ('{latest,state_changes}', 'reason', 'Why, in words of the machine'),
      ('{latest,error_reports}', 'severity', 'INFO, WARNING, ERROR, CRITICAL or UNKNOWN'),
      ('{latest,error_reports}', 'code', 'The code of the error'),
      ('{latest,error_reports}', 'message', 'What it says'),
      ('{latest}', 'time', 'Of the record'),
      ('{latest}', 'value', 'Of a numeric signal, in its unit'),
      ('{error_reports}', 'time', 'When it happened'),
      ('{state_changes}', 'time', 'When the state began'),

      ('{machines}', 'first_seen_time', 'When its first record was stored; null: it has sent none'),
      ('{machines}', 'signals', 'Names of its signals'),
      ('{machines}', 'display_name', 'Its name for people; null if it has none'),
      ('{machines}', 'labels', 'Its labels: texts by key'),
      ('{signals}', 'kind', 'STATE, EVENT, NUMERIC or UNKNOWN'),
      ('{signals}', 'max_gap_seconds',
        'Samples farther apart than so many seconds have a gap between them'),
      ('{signals}', 'bucket_seconds', 'How many seconds of samples are packed together'),
      ('{signals}', 'max_gap_inferred', 'Whether max_gap was inferred; false: declared'),
      ('{signals}', 'max_gap', 'As rows declare it; null while it may still change'),
      ('{signals,samples_day,samples_hour,samples_minute}',
        'sample_type', 'LINEAR, STEP or COUNTER'),
      ('{signals}', 'duplicates', 'What equal records are: KEEP, several; DROP, one'),

      ('{samples_minute}', 'time', 'Where the minute begins'),
      ('{samples_hour}', 'time', 'Where the hour begins'),
      ('{samples_day}', 'time', 'Where the day begins, in UTC'),
      ('{samples_day,samples_hour,samples_minute}',
        'count', 'Number of samples; 0 where only a line crosses or a value holds'),
      ('{samples_day,samples_hour,samples_minute}', 'min', 'Least value'),
      ('{samples_day,samples_hour,samples_minute}', 'max', 'Greatest value'),
      ('{samples_day,samples_hour,samples_minute}', 'mean', 'Mean of the samples'),
      ('{samples_day,samples_hour,samples_minute}', 'first', 'First value'),
      ('{samples_day,samples_hour,samples_minute}', 'last', 'Last value'),
      ('{samples_day,samples_hour,samples_minute}',
        'integral', 'Value times seconds; null for a COUNTER'),
      ('{samples_day,samples_hour,samples_minute}',
        'covered_seconds', 'Seconds that lie under lines between samples'),
      ('{samples_day,samples_hour,samples_minute}',
        'kwh', 'Energy of signal power in kWh; null for other signals'),
      ('{samples_day,samples_hour,samples_minute}',
        'increase', 'How far a COUNTER went up; null for other signals'),
      ('{samples_day,samples_hour,samples_minute}',
        'rate', 'Increase of a COUNTER per second; null for other signals'),

      ('{state_intervals}', 'start_time', 'When the state began'),
      ('{state_intervals}', 'end_time', 'When it ended; null while it lasts'),
      ('{state_intervals}', 'seconds', 'How long it lasted; null while it lasts'),
      ('{state_hours}', 'time', 'Where the hour begins'),
      ('{state_hours}', 'state',
        'ACTIVE, IDLE, FAULT or OFF; UNKNOWN before the first state of the machine'),
      ('{state_hours}', 'seconds', 'Seconds of the hour in this state'),
      ('{state_hours}', 'kwh', 'Energy of signal power in this state, in kWh'),
      ('{state_hours}', 'covered_seconds', 'Seconds of it that signal power covers'),
      ('{state_hours}', 'silent_seconds', 'Seconds of it in which the machine was silent'),

      ('{compaction}', 'time', 'When the last step of compaction ended'),
      ('{compaction}', 'watermark', 'The newest commit in the history'),
      ('{compaction}', 'head', 'The newest commit of all'),
      ('{compaction}', 'lag_commits', 'Commits that are only in the log'),
      ('{compaction}', 'lag_seconds', 'Age of the oldest of them in seconds'),
      ('{compaction}', 'quarantined', 'Rows that could not be read'),
      ('{compaction}', 'held', 'Commits that could not be compacted; samples() includes them'),
      ('{compaction}', 'hours_due',
        'Hours of signals and machines that are over and not rolled up, 100,000 at most'),
      ('{storage}', 'part', 'Kind of data'),
      ('{storage}', 'bytes', 'Bytes on disk, with indexes'),
      ('{storage}', 'records', 'Current samples, changes or reports; null: not counted'),
      ('{storage}', 'bytes_per_record', 'Bytes for each of them')
    ) as said(views, name, meaning)
  loop
    foreach v_view in array v_views loop
      execute format('comment on column millrace_v1.%I.%I is %L', v_view, v_column, v_text);
    end loop;
  end loop;
end $$;
