// Numbers of advisory locks, as functions/named-numbers.sql has them. Any session may take one, so
// no guarantee depends on them: see locks.test.ts.

/** The first number of each; the second identifies its purpose. */
export const lockSpace = 7201;

export const advisoryLocks = {
  /** Programs that are older than table revision_lock. */
  revisions: 1,
  /** Programs that are older than the lock on table schema_migration. */
  migrations: 2,
  /** The accessor that compacts, as long as it is connected. */
  compactor: 3,
  /** Programs that are older than table compaction_lock. */
  compaction: 4,
} as const;
