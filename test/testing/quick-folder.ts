// Where tests keep data that need not outlive them.
import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const inMemory = "/dev/shm";
/** A run's databases, and their logs, take less than half of it. */
const roomBytes = 4 * 2 ** 30;

/**
 * A folder for temporary ones: in memory where there is room, so that PostgreSQL's fsync, which
 * stays on, costs nothing. A disk takes 3 ms for each commit, and seconds for a database that goes.
 */
export function quickFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(inMemory);
    return bavail * bsize >= roomBytes ? inMemory : tmpdir();
  } catch {
    return tmpdir();
  }
}
