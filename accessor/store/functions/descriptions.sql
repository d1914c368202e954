-- Descriptions of machines: display names and labels.

-- One at a time: a reader that has read up to a number must not miss a lower one. What is equal
-- already is no change.
create or replace function describe_machine(
  p_machine text, p_display_name text, p_labels jsonb, p_replace boolean,
  p_max_labels integer, p_max_machines integer, p_max_bytes bigint
) returns text language plpgsql as $$
declare
  v_known machine_description;
  v_labels jsonb;
  v_name text;
begin
  lock table machine_description in share row exclusive mode;
  select * into v_known from machine_description where machine = p_machine;
  v_name := coalesce(p_display_name, v_known.display_name, '');
  select coalesce(jsonb_object_agg(l.key, l.value), '{}') into v_labels
    from jsonb_each_text(
      case when p_replace then '{}' else coalesce(v_known.labels, '{}') end || p_labels) as l
    where l.value <> '';
  if v_name = coalesce(v_known.display_name, '')
    and v_labels = coalesce(v_known.labels, '{}') then
    return null;
  elsif (select count(*) from jsonb_object_keys(v_labels)) > p_max_labels then
    return 'labels';
  elsif v_known.id is null
    and (select count(*) from machine_description) >= p_max_machines then
    return 'described-machines';
  elsif octet_length(v_name) + octet_length(v_labels::text) + (
      select coalesce(sum(octet_length(d.display_name) + octet_length(d.labels::text)), 0)
      from machine_description d where d.machine <> p_machine) > p_max_bytes then
    return 'description-bytes';
  end if;
  insert into machine_description (machine, display_name, labels, changed)
    select p_machine, v_name, v_labels, coalesce(max(d.changed), 0) + 1 from machine_description d
    on conflict (machine) do update set display_name = excluded.display_name,
      labels = excluded.labels, changed = excluded.changed;
  return null;
end $$;
comment on function describe_machine is
  'Sets a machine''s display name (null: unchanged) and labels (an empty value removes one), or '
  'with p_replace all labels. Returns the limit that was reached, or null';
