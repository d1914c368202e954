// Runs a statement on a connection of a pool, and cancels it if its caller no longer waits for it.
import { Client, type Pool, type PoolClient } from "pg";
import type { Log } from "../../runtime/log.ts";
import { leavesUnusable, toFailure } from "./errors.ts";

// How long a statement that no caller waits for may still run: cancelling it costs two connections.
const graceMs = 250;
// How long a cancelled statement may take to end, before its connection is given up.
const cancelMs = 1_000;

export type RunOptions<T> = {
  abort?: AbortSignal | undefined;
  /** Whether the connection must not be used again after this answer. */
  retires?: ((answer: T) => boolean) | undefined;
};

/** The promise fails with a Failure, or with the reason of the abort. */
export function createRunner(url: string, log: Log) {
  return async <T>(
    pool: Pool,
    ask: (client: PoolClient) => Promise<T>,
    options: RunOptions<T>,
  ): Promise<T> => {
    let client: PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      throw toFailure(error);
    }
    if (options.abort?.aborted) {
      client.release();
      throw options.abort.reason;
    }
    let giveUp: NodeJS.Timeout | undefined;
    let released = false;
    const release = (error?: Error | boolean) => {
      clearTimeout(giveUp);
      if (!released) client.release(error);
      released = true;
    };
    let calledOff = false;
    const callOff = () => {
      calledOff = true;
      void cancelQuery(url, (client as PoolClient & { processID?: number }).processID, log);
      // This destroys its socket, which fails the query.
      giveUp = setTimeout(() => release(true), cancelMs);
    };
    const abort = () => {
      giveUp = setTimeout(callOff, graceMs);
    };
    options.abort?.addEventListener("abort", abort, { once: true });
    let broken: Error | boolean = false;
    try {
      const answer = await ask(client);
      broken = options.retires?.(answer) ?? false;
      return answer;
    } catch (error) {
      if (leavesUnusable(error)) broken = error as Error;
      if (options.abort?.aborted) throw options.abort.reason;
      throw toFailure(error);
    } finally {
      options.abort?.removeEventListener("abort", abort);
      // A late cancellation must not hit the next statement on this connection.
      release(broken || calledOff);
    }
  };
}

async function cancelQuery(url: string, backendPid: number | undefined, log: Log): Promise<void> {
  if (backendPid === undefined) return;
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    // Only if the statement still runs: otherwise PostgreSQL writes a warning to its log.
    await client.query("select pg_cancel_backend(pid) from pg_stat_activity where pid = $1", [
      backendPid,
    ]);
  } catch (error) {
    log.warn("could not cancel a statement that nobody waits for; its timeout will", { error });
  } finally {
    await client.end().catch(() => {});
  }
}
