// Runs compaction: one accessor of all at a time, about every minute, step after step while there is more than one step's worth. Tidies every
// minute, and looks after retention every ten.
import type { Client } from "pg";
import { sleep } from "../../runtime/backoff.ts";
import type { Log } from "../../runtime/log.ts";
import { type RetainOptions, retain } from "./retain.ts";
import { compactStep, type StepOptions, type StepResult } from "./step.ts";
import { type TidyOptions, tidy } from "./tidy.ts";

type Shared = "database" | "catalog" | "nowUs" | "log" | "signal";

export type CompactorOptions = Omit<StepOptions, "signal"> &
  Omit<TidyOptions, Shared> &
  Omit<RetainOptions, Shared> & { intervalMs: number; log: Log };

const tidyIntervalMs = 60_000;
const retainIntervalMs = 600_000;

export function startCompactor(options: CompactorOptions): AsyncDisposable {
  const { database, log, intervalMs } = options;
  const stop = new AbortController();
  const { signal } = stop;
  let lock: Client | undefined;
  const tidyNow = every(tidyIntervalMs, () => tidy({ ...options, signal }), log);
  const retainNow = every(retainIntervalMs, () => retain({ ...options, signal }), log);

  /**
   * The lock belongs to a session: whoever dies gives it up. It spares work and guards nothing (begin_step() does), so one that somebody holds who
   * could not compact counts for nothing.
   */
  const holdLock = async (): Promise<boolean> => {
    if (lock !== undefined) return true;
    const client = await database.connect();
    try {
      const { rows } = await client.query<{ held: boolean; leaderless: boolean }>(
        `select held, not held and not writer_has(3) as leaderless
         from (select pg_try_advisory_lock(7201, 3) as held offset 0) tried`,
      );
      if (!rows[0]?.held) {
        await client.end();
        return rows[0]?.leaderless === true;
      }
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    client.on("end", () => {
      if (lock === client) lock = undefined;
    });
    lock = client;
    return true;
  };

  const run = async () => {
    for (let more = true; more && (await holdLock()); ) {
      const result = await compactStep({ ...options, signal });
      if (result !== undefined) report(log, result);
      more = result?.more ?? false;
      // Also while compaction is far behind: the log's segments must go on.
      await tidyNow();
      await retainNow();
    }
  };

  const loop = async () => {
    while (!signal.aborted) {
      try {
        await run();
      } catch (error) {
        if (!signal.aborted) log.warn("compaction failed; it tries again", { error });
      }
      await sleep(intervalMs, signal).catch(() => {});
    }
  };
  const running = loop();

  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the accessor is stopping"));
      await running;
      await lock?.end().catch(() => {});
    },
  };
}

/** Does it if so long has passed, whether it succeeded or not. Never fails. */
function every(intervalMs: number, work: () => Promise<void>, log: Log): () => Promise<void> {
  let doneMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - doneMs < intervalMs) return;
    doneMs = performance.now();
    await work().catch((error: unknown) =>
      log.warn("could not drop what is no longer needed; it tries again", { error }),
    );
  };
}

function report(log: Log, result: StepResult): void {
  log.debug("compacted", result);
  if (result.unreadable > 0)
    log.error("log rows could not be read and are quarantined", { rows: result.unreadable, through: result.through });
}
