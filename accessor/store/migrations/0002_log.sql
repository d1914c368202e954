-- The log: what an ack means, in the order in which it arrived. Append-only, cut into segments that are dropped whole, so never vacuumed.

-- The segment with the greatest number is written to. A new one is attached before its row appears here.
create table log_segment (
  segment integer primary key,
  first_revision bigint not null,
  opened_at timestamptz not null default clock_timestamp()
);

-- A row for each (batch, series). payload: samples as a block (docs/block-format.md); states and errors as a millrace.v1.Batch of that one
-- list. 100 samples at 0.1 W take about 150 bytes of payload beside 110 of row and indexes. first_us, last_us: of its records.
create table log (
  revision bigint not null,
  first_us bigint not null,
  last_us bigint not null,
  series_id integer not null,
  sample_count integer not null,
  segment integer not null,
  payload bytea not null
) partition by list (segment);
-- Packed already: PostgreSQL's own compression would cost time and save nothing.
alter table log alter payload set storage external;
create index log_revision on log (revision);
create index log_series_revision on log (series_id, revision);
create index log_series_last on log (series_id, last_us);

-- A row for each decided batch: proof against doubles, and what to answer when it comes again. revision: the batch's own, or of a batch that
-- stored nothing the newest at that time. result: a millrace.v1.BatchResult, null if the batch was simply stored whole.
create table receipt (
  revision bigint not null,
  sequence bigint not null,
  committed_at timestamptz not null,
  producer_id integer not null,
  segment integer not null,
  digest bytea not null,
  result bytea
) partition by list (segment);
create index receipt_revision on receipt (revision);
create index receipt_committed on receipt using brin (committed_at);
create index receipt_producer on receipt (producer_id, sequence);

-- Insert-only for a day at most, then dropped: nothing for autovacuum to do.
create table log_1 partition of log for values in (1) with (autovacuum_vacuum_insert_threshold = -1);
create table receipt_1 partition of receipt for values in (1) with (autovacuum_vacuum_insert_threshold = -1);
insert into log_segment (segment, first_revision) values (1, 1);

-- States and errors are sparse, so they have plain tables beside the log. position: in the batch's list.
create table state_change (
  revision bigint not null,
  time_us bigint not null,
  machine_id integer not null,
  position integer not null,
  state smallint not null,
  reason text not null
);
create index state_change_machine on state_change (machine_id, time_us, revision, position);
create index state_change_time on state_change (time_us, revision, position);

create table error_report (
  revision bigint not null,
  time_us bigint not null,
  machine_id integer not null,
  position integer not null,
  severity smallint not null,
  code text not null,
  message text not null
);
create index error_report_machine on error_report (machine_id, time_us, revision, position);
create index error_report_time on error_report (time_us, revision, position);
