-- What a record means that a series has already: 1 another record, 2 the same one, as the contract
-- numbers them; null: nobody has declared it, so it is another one.
alter table series add column duplicates smallint;
comment on column series.duplicates is
  'What equal records mean, as millrace.v1.Duplicates numbers it: 1 keep, 2 drop. Null: not '
  'declared, so they are kept';
