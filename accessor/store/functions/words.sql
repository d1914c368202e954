-- Numbers of the contract as words.

create or replace function state_name(state integer) returns text
language sql immutable parallel safe
  return coalesce((array['ACTIVE', 'IDLE', 'FAULT', 'OFF'])[state], 'UNKNOWN');
comment on function state_name is 'MachineState as a word: ACTIVE, IDLE, FAULT, OFF or UNKNOWN';

create or replace function sample_type_name(sample_type smallint) returns text
language sql immutable parallel safe
  return (array['LINEAR', 'STEP', 'COUNTER'])[coalesce(sample_type, sample_type_linear())];
comment on function sample_type_name is
  'SampleType as a word: LINEAR, STEP or COUNTER. Null is LINEAR';

create or replace function duplicates_name(duplicates smallint) returns text
language sql immutable parallel safe
  return (array['KEEP', 'DROP'])[coalesce(duplicates, 1)];
comment on function duplicates_name is 'What equal records of a series mean, as the contract says it';
