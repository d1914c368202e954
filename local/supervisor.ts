// Keeps the parts of a local run alive: restarts each when it ends, gives up when that does not
// help, and stops them in order.
import { createBackoff, sleep } from "../runtime/backoff.ts";
import { causeChain } from "../runtime/log.ts";

/** Something that runs until it ends by itself or is stopped. */
export interface Worker {
  /** How it ended, to follow its name: "ended with code 1". Never rejects. */
  readonly ended: Promise<string>;
  /** Ends it in order within `graceMs`, else by force. Never rejects. */
  stop(graceMs: number): Promise<void>;
}

export interface Part {
  readonly name: string;
  /** Starts it; also called again after it has ended. */
  start(abort: AbortSignal): Promise<Worker> | Worker;
}

export interface Supervisor {
  /** Rejects when a part is given up. Resolves after `stop`. */
  readonly done: Promise<void>;
  /** Stops the parts, last started first, sharing `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/**
 * A part that ends this often within a minute is given up; with the delays between, that is after
 * about 15 s.
 */
const maxEndsPerMinute = 8;

/**
 * Starts the parts in the order given, each once the one before has started, and keeps them
 * running. Rejects, with all stopped again, if one can't be started at first. `say` is called for
 * every end and restart. `now` counts in milliseconds.
 */
export async function openSupervisor(
  parts: readonly Part[],
  {
    say,
    abort,
    now = () => performance.now(),
    retryMs = 250,
  }: { say: (text: string) => void; abort: AbortSignal; now?: () => number; retryMs?: number },
): Promise<Supervisor> {
  const stopping = new AbortController();
  const off = AbortSignal.any([abort, stopping.signal]);
  const kept: { current: { worker: Worker }; loop: Promise<void> }[] = [];
  const done = Promise.withResolvers<void>();
  done.promise.catch(() => {});

  const keep = async (part: Part, current: { worker: Worker }) => {
    const backoff = createBackoff({ baseMs: retryMs, maxMs: 20 * retryMs });
    let ends: number[] = [];
    for (;;) {
      let how = await current.worker.ended;
      for (;;) {
        if (off.aborted) return;
        ends = [...ends.filter((at) => at > now() - 60_000), now()];
        if (ends.length === 1) backoff.reset();
        if (ends.length >= maxEndsPerMinute)
          throw withoutStack(
            `${part.name} ${how}, ${ends.length} times within a minute; giving up`,
          );
        const delayMs = backoff.next();
        say(`${part.name} ${how}; starting it again in ${delayMs} ms`);
        try {
          await sleep(delayMs, off);
          const next = await part.start(off);
          current.worker = next;
          // A stop during the start did not know about this worker yet.
          if (off.aborted) return await next.stop(0);
          break;
        } catch (error) {
          how = `could not start: ${causeChain(error)}`;
        }
      }
    }
  };

  const stop = async (graceMs: number) => {
    stopping.abort(new Error("stopping"));
    const until = performance.now() + graceMs;
    for (let left = kept.length; left > 0; left--) {
      const { current, loop } = kept[left - 1]!;
      await current.worker.stop(Math.max(0, until - performance.now()) / left);
      await loop;
    }
    done.resolve();
  };

  try {
    for (const part of parts) {
      const current = { worker: await part.start(off) };
      kept.push({ current, loop: keep(part, current).catch(done.reject) });
      off.throwIfAborted();
    }
  } catch (error) {
    await stop(2000);
    throw error;
  }
  return { done: done.promise, stop };
}

/** The stack would be the supervisor's, and tell nothing about the part. */
const withoutStack = (message: string) => Object.assign(new Error(message), { stack: undefined });
