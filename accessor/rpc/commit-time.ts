// Checks the start time of a feed: it must have passed by the database's clock.
import { Failure } from "../domain/failure.ts";
import type { Database } from "../store/database.ts";
import { readMoment } from "../store/log.ts";

/** The "now" of a client whose clock is ahead counts as now. */
const clockToleranceUs = 10_000_000;

/**
 * Fails for a time in the future: the commits before it, which a feed would skip, do not exist yet.
 */
export async function assertHasCome(database: Database, fromUs: number): Promise<void> {
  const { nowUs } = await readMoment(database);
  if (fromUs <= nowUs + clockToleranceUs) return;
  const message = `from_commit_time is in the future: the database's clock says ${new Date(nowUs / 1_000).toISOString()}`;
  const violations = [{ field: "from_commit_time", description: "is in the future" }];
  throw new Failure("TIME_RANGE_INVALID", message, {
    metadata: { field: "from_commit_time" },
    violations,
  });
}
