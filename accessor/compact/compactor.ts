// Runs compaction: one accessor of all at a time, about every ten seconds, step after step while there is more than one step's worth.
import type { Client } from "pg";
import { sleep } from "../../runtime/backoff.ts";
import type { Log } from "../../runtime/log.ts";
import { compactStep, type StepOptions, type StepResult } from "./step.ts";
import { type TidyOptions, tidy } from "./tidy.ts";

export type CompactorOptions = Omit<StepOptions, "signal"> & {
  intervalMs: number;
  tidyOptions: Omit<TidyOptions, "database" | "log">;
  log: Log;
};

export type Compactor = AsyncDisposable & {
  /** Compacts all that is committed by now, if no other accessor does. */
  catchUp(signal: AbortSignal): Promise<void>;
};

const tidyIntervalMs = 60_000;

export function startCompactor(options: CompactorOptions): Compactor {
  const { database, log, intervalMs } = options;
  const stop = new AbortController();
  let lock: Client | undefined;
  let busy: Promise<unknown> = Promise.resolve();
  let tidiedAt = Number.NEGATIVE_INFINITY;

  /** The lock belongs to a session: whoever dies gives it up. */
  const holdLock = async (): Promise<boolean> => {
    if (lock !== undefined) return true;
    const client = await database.connect();
    try {
      const { rows } = await client.query<{ held: boolean }>("select pg_try_advisory_lock(7201, 3) as held");
      if (!rows[0]?.held) {
        await client.end();
        return false;
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

  const run = async (signal: AbortSignal) => {
    if (!(await holdLock())) return;
    for (;;) {
      const result = await compactStep({ ...options, signal });
      if (result === undefined) break;
      report(log, result);
      if (lock === undefined) return;
      if (!result.more) break;
    }
    if (performance.now() - tidiedAt >= tidyIntervalMs) {
      tidiedAt = performance.now();
      await tidy({ ...options.tidyOptions, database, log });
    }
  };
  /** One at a time, whoever asks. */
  const exclusively = (signal: AbortSignal) => {
    const mine = busy.then(() => run(signal));
    busy = mine.catch(() => {});
    return mine;
  };

  const loop = async () => {
    while (!stop.signal.aborted) {
      try {
        await exclusively(stop.signal);
      } catch (error) {
        if (!stop.signal.aborted) log.warn("compaction failed; it tries again", { error });
      }
      await sleep(intervalMs, stop.signal).catch(() => {});
    }
  };
  const running = loop();

  return {
    catchUp: (signal) => exclusively(signal),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the accessor is stopping"));
      await running;
      await busy;
      await lock?.end().catch(() => {});
    },
  };
}

function report(log: Log, result: StepResult): void {
  log.debug("compacted", result);
  if (result.unreadable > 0)
    log.error("log rows could not be read and are quarantined", { rows: result.unreadable, through: result.through });
}
