-- Plainer words in the comments of accessor/store/functions/series.sql, and here.

comment on column function_set.replaced_at is 'When they were last created';
