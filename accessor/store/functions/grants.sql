-- Who may call what. Readers may read the views, and call the functions of their schema and those
-- that PostgreSQL puts in place of a call in a view, which needs the right of whoever asks.

revoke execute on all functions in schema millrace_v1 from public;

do $$
begin
  if exists (select from pg_roles where rolname = 'millrace_reader') then
    grant usage on schema millrace_v1 to millrace_reader;
    grant select on all tables in schema millrace_v1 to millrace_reader;
    grant execute on all functions in schema millrace_v1 to millrace_reader;
    grant execute on function
      us_per_minute, us_per_hour, us_per_day, kind_state, kind_event, kind_numeric,
      sample_type_linear, sample_type_step, sample_type_counter,
      to_us, from_us, floor_to, tame, mean_of, watts_per, kwh_of, state_name, sample_type_name,
      duplicates_name,
      line_area, is_kept_by_hour(series), is_settled
      to millrace_reader;
  end if;
end $$;
