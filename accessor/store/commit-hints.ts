// Hints between accessors that one of them has committed, by PostgreSQL's LISTEN and NOTIFY. A
// hint may be lost.
import type { Database } from "./database.ts";

const channel = "millrace_commit";

/** A session that listens. `send` notifies all other accessors, and does not fail. */
export type CommitHints = AsyncDisposable & { send(): void };

/** Throws if the database cannot be reached. `onEnd`: the session has ended, open another. */
export async function openCommitHints(
  database: Database,
  { onHint, onEnd }: { onHint: () => void; onEnd: () => void },
): Promise<CommitHints> {
  const client = await database.connect();
  client.on("notification", onHint);
  client.on("end", onEnd);
  const end = () => client.end().catch(() => {});
  try {
    await client.query(`listen ${channel}`);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    send() {
      client.query(`notify ${channel}`).catch(() => {});
    },
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}
