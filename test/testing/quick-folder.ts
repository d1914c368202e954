// The folder for data that tests need only while they run.
import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const inMemory = "/dev/shm";
/** The databases of a run, and their logs, take less than half of it. */
const roomBytes = 4 * 2 ** 30;

/**
 * A folder for temporary ones: in memory if there is room, so that PostgreSQL's fsync, which stays
 * on, costs nothing. A disk takes 3 ms for each commit, and seconds to drop a database.
 */
export function quickFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(inMemory);
    return bavail * bsize >= roomBytes ? inMemory : tmpdir();
  } catch {
    return tmpdir();
  }
}
