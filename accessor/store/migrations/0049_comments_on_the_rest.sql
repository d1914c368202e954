-- What the tables and columns are for that are not of the history: the log, who sends, and what is
-- known of machines and of the database itself.

comment on table api_key is 'Keys: who may do what with which machines';
comment on column api_key.id is 'The public half of the key, 12 hexadecimal digits';
comment on column api_key.name is 'What people call it';
comment on column api_key.digest is 'SHA-256 of the secret half, which is stored nowhere';
comment on column api_key.scopes is 'What it may do, such as read';
comment on column api_key.machines is 'Patterns of names of machines; * stands for any characters';
comment on column api_key.producers is 'Patterns of producer ids; * stands for any characters';
comment on column api_key.created_at is 'When it was made';
comment on column api_key.expires_at is 'Until when it is valid; null: for ever';
comment on column api_key.revoked_at is 'When it was revoked; null: it was not';
comment on column api_key.last_used_at is 'When it was last used, to the minute; null: never';
comment on column api_key.identity is 'Whose it is. Stays when the key is rotated';

comment on table epoch is
  'Epochs of the history. One begins when the history forks: at creation, on a new timeline, or '
  'when the database was put back. A cursor (epoch, revision) is of this history if the next '
  'epoch begins above its revision';
comment on column epoch.epoch is 'Number, ascending';
comment on column epoch.first_revision is 'The first revision of the epoch';
comment on column epoch.timeline_id is 'The timeline of PostgreSQL that it is written to';
comment on column epoch.started_at is 'When it began';

comment on table error_report is 'Errors as they were sent';
comment on column error_report.revision is 'The commit that it came with';
comment on column error_report.time_us is 'When it happened, microseconds since 1970';
comment on column error_report.machine_id is 'The machine';
comment on column error_report.position is 'Its place in the list of its batch, from 0';
comment on column error_report.severity is 'millrace.v1.Severity as a number';
comment on column error_report.code is 'The code of the error';
comment on column error_report.message is 'What it says';

comment on table identity is 'Which database this is. One row';
comment on column identity.only_row is 'Always true';
comment on column identity.database_id is 'Drawn when the database was made. Cursors name it';
comment on column identity.created_at is 'When the database was made';

comment on table log is
  'What an ack means, in the order in which it arrived: a row for each batch and series. '
  'Append-only, cut into segments that are dropped whole';
comment on column log.revision is 'The commit. Counts 1, 2, 3 … without holes';
comment on column log.first_us is 'Time of the first record, microseconds since 1970';
comment on column log.last_us is 'Time of the last record, microseconds since 1970';
comment on column log.series_id is 'The series';
comment on column log.sample_count is 'Number of records';
comment on column log.segment is 'The segment, which is the partition';
comment on column log.payload is
  'Samples as a block (docs/block-format.md); states and errors as a millrace.v1.Batch with '
  'this one list';

comment on table log_segment is
  'Segments of log and receipt. The one with the greatest number is written to';
comment on column log_segment.segment is 'Number';
comment on column log_segment.first_revision is 'The first revision that it may hold';
comment on column log_segment.opened_at is 'When it was opened';

comment on table lost_range is
  'Sequences that were acknowledged once and are gone, since the database was restored';
comment on column lost_range.producer_id is 'The producer';
comment on column lost_range.first_sequence is 'The first sequence that is lost';
comment on column lost_range.last_sequence is 'The last sequence that is lost';
comment on column lost_range.noticed_at is 'When the loss was written down';

comment on table machine is 'Machines that have sent anything';
comment on column machine.id is 'Number';
comment on column machine.name is 'Name, in the normal form C of Unicode';
comment on column machine.first_seen_at is 'When it was registered';
comment on column machine.owner is
  'Whose quota it counts in; null: registered before there were quotas';

comment on table page_key is
  'What page tokens are signed with. One row, the same for all accessors; a secret';
comment on column page_key.only_row is 'Always true';
comment on column page_key.key is '256 random bits';

comment on table producer is 'Producers: who numbers batches';
comment on column producer.id is 'Number';
comment on column producer.name is
  'Its id in the contract; of derived ones behind a slash the principal too';
comment on column producer.floor_sequence is
  'Every sequence up to here is decided, whether or not its receipt is still there';
comment on column producer.first_seen_at is 'When it was registered';
comment on column producer.owner is
  'The principal that used it first; null: nobody, or only without authentication';
comment on column producer.expires_at is
  'It goes after this time, once none of its receipts is left; null: never';

comment on table producer_count is 'How many producers a principal has';
comment on column producer_count.owner is 'The principal; empty: nobody';
comment on column producer_count.derived is 'Whether those that the gateway made ids for';
comment on column producer_count.producers is 'How many';

comment on table receipt is
  'A row for each batch that is decided: proof against duplicates, and what to answer if the '
  'batch comes again';
comment on column receipt.revision is
  'Its commit; of a batch that stored nothing, the newest one at that time';
comment on column receipt.sequence is 'Its number, which its producer gave it';
comment on column receipt.committed_at is 'When it was committed. Never goes back';
comment on column receipt.producer_id is 'The producer';
comment on column receipt.segment is 'The segment, which is the partition';
comment on column receipt.digest is
  'The first 16 bytes of the SHA-256 of the batch (accessor/ingest/digest.ts)';
comment on column receipt.result is 'A millrace.v1.BatchResult; null: it was stored whole';

comment on table redeclared is
  'Series that other processes know with an older declaration, each in its newest place. A '
  'process remembers how far it has read';
comment on column redeclared.n is 'Number, ascending';
comment on column redeclared.series_id is 'The series';

comment on table registered is 'How many machines and series an owner has registered';
comment on column registered.owner is 'The owner; empty: all together';
comment on column registered.machines is 'How many machines';
comment on column registered.series is 'How many series';

comment on table revision_lock is
  'A writer of revisions locks this table until it commits. It is always empty';
comment on column revision_lock.nothing is 'No row passes the check';

comment on table schema_migration is 'Migrations that were applied';
comment on column schema_migration.version is 'Number';
comment on column schema_migration.name is 'Name of the file';
comment on column schema_migration.checksum is 'SHA-256 of the file';
comment on column schema_migration.applied_at is 'When it was applied';

comment on table series is 'A signal of a machine and what it declares';
comment on column series.id is 'Number';
comment on column series.machine_id is 'The machine';
comment on column series.signal is 'Name of the signal';
comment on column series.kind is 'millrace.v1.SignalKind as a number';
comment on column series.unit is 'Unit; empty: none is declared';
comment on column series.max_gap_us is
  'Samples farther apart than so many microseconds have a gap between them; null for states and '
  'errors';
comment on column series.owner is
  'Whose quota it counts in; null: registered before there were quotas';
comment on column series.learned_us is
  'Distances in microseconds between the first samples, which max_gap_us is inferred from; '
  'null: it was declared';
comment on column series.learned_last_us is
  'Time of the last of these samples, microseconds since 1970';
comment on column series.stale_through is
  'Sums of blocks and roll-ups with valid_from up to here are of an earlier declaration, and '
  'nobody may use them; null: all are of this one';
comment on column series.redeclared_at is 'When sums became stale last; null: never';
comment on column series.bucket_us is
  'Width of its buckets in microseconds, fixed by the first compaction; null: nothing is '
  'compacted yet';
comment on column series.sample_type is
  'millrace.v1.SampleType as a number; null: nobody declared it, so it is linear';

comment on table state_change is 'States as they were sent';
comment on column state_change.revision is 'The commit that it came with';
comment on column state_change.time_us is 'When it began, microseconds since 1970';
comment on column state_change.machine_id is 'The machine';
comment on column state_change.position is 'Its place in the list of its batch, from 0';
comment on column state_change.state is 'millrace.v1.MachineState as a number';
comment on column state_change.reason is 'Why, in words of the machine';
