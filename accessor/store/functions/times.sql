-- Times as the contract has them: microseconds since 1970.

create or replace function to_us(t timestamptz) returns bigint language sql immutable parallel safe
  return (extract(epoch from t) * 1000000)::bigint;
comment on function to_us is 'A time in microseconds since 1970, exact';

create or replace function from_us(us bigint) returns timestamptz
language sql immutable parallel safe
  return timestamptz 'epoch' + us * interval '1 microsecond';
comment on function from_us is 'The time that is so many microseconds after 1970, exact';

create or replace function to_bound_us(t timestamptz) returns bigint
language sql immutable parallel safe
  return case t when '-infinity' then -9007199254740992 when 'infinity' then 9007199254740992
    else to_us(t) end;
comment on function to_bound_us is
  'One end of a range in microseconds since 1970. Infinities lie beyond every time that a '
  'record may have';

create or replace function floor_to(us bigint, width bigint) returns bigint
language sql immutable parallel safe
  return us - mod(mod(us, width) + width, width);
comment on function floor_to is
  'The start of the bucket that a time is in. us, width: microseconds';
