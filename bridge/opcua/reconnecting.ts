// Watches an OPC UA server for as long as the process lives: after each end, with growing delays,
// it begins again.
import { createBackoff, sleep } from "../../runtime/backoff.ts";
import type { Log } from "../../runtime/log.ts";
import { type LifeEvents, liveOnce, type ServerOptions } from "./subscription.ts";

export type Watching = AsyncDisposable & {
  /** Whether the nodes are watched now. */
  readonly watching: boolean;
  /** How many lives have ended. */
  readonly ends: number;
};

export function watchServer(
  options: ServerOptions,
  events: Omit<LifeEvents, "onWatching">,
  { log, live = liveOnce }: { log: Log; live?: typeof liveOnce },
): Watching {
  const stop = new AbortController();
  const backoff = createBackoff({ baseMs: 500, maxMs: 30_000 });
  let watching = false;
  let ends = 0;
  const run = async () => {
    while (!stop.signal.aborted) {
      const why = await live(
        options,
        {
          ...events,
          onWatching() {
            watching = true;
            backoff.reset();
            log.info("watches the server's nodes", { endpoint: options.endpoint });
          },
        },
        stop.signal,
      ).catch((error: Error) => error.message);
      watching = false;
      ends++;
      if (stop.signal.aborted) return;
      log.warn("does not watch the server's nodes", { endpoint: options.endpoint, why });
      await sleep(backoff.next(), stop.signal).catch(() => {});
    }
  };
  const running = run();
  return {
    get watching() {
      return watching;
    },
    get ends() {
      return ends;
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("stopped"));
      await running;
    },
  };
}
