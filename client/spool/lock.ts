// Allows one process per spool. Node has no flock, and a file with a process id outlives a kill -9;
// the kernel holds SQLite's lock.
import { DatabaseSync } from "node:sqlite";

/**
 * Throws if another spool, in this process or another, holds the lock. The kernel releases it
 * however the process ends.
 */
export function takeLock(path: string): Disposable {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // The journal is in memory because a full disk must not keep a producer from starting.
    database.exec("pragma journal_mode = memory; begin exclusive");
  } catch (error) {
    database.close();
    const locked = (error as { errcode?: number }).errcode === 5;
    if (!locked) throw error;
    throw new Error(`another process uses this spool (it holds ${path})`);
  }
  return { [Symbol.dispose]: () => database.close() };
}
