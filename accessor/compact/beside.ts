// Owns the thread of compaction: forwards its log, restarts it when it dies, telling it the cause,
// and stops it. However much there is to compact, and whatever that does to memory, the main thread
// continues to take batches and answer calls.
import { Worker } from "node:worker_threads";
import { createBackoff, sleep } from "../../runtime/backoff.ts";
import type { Log } from "../../runtime/log.ts";
import type { Progress } from "./compactor.ts";
import type { FromThread, ThreadData } from "./thread-messages.ts";

export type BesideOptions = Omit<ThreadData, "before"> & {
  log: Log;
  /** Limit of the thread's heap, not counting buffers. Default 512 MiB; a step takes some 100. */
  maxHeapMib?: number;
  /** How long a stop may take before the thread is terminated. Default 2 s. */
  stopMs?: number;
  /** For tests: the file to run instead of thread.ts. */
  file?: URL;
};

// By default V8 would use 24 MiB, as set for the main thread; with 8 MiB a step is no slower.
const youngHeapMib = 8;
const threadFile = new URL("./thread.ts", import.meta.url);
const restart = { baseMs: 500, maxMs: 30_000 };
// A starting accessor should serve calls first: loading the thread's code takes half a second of a
// core.
const startMs = 2_000;

export function startCompactorBeside(options: BesideOptions): AsyncDisposable {
  const { log, maxHeapMib = 512, stopMs = 2_000, file = threadFile, ...data } = options;
  const stop = new AbortController();
  const backoff = createBackoff(restart);
  let before: Progress | undefined;

  /** One life of the thread. */
  const live = async (): Promise<void> => {
    const workerData: ThreadData = { ...data, before };
    // Node's flags apply to the process: modules that they load are loaded once.
    const resourceLimits = {
      maxOldGenerationSizeMb: maxHeapMib,
      maxYoungGenerationSizeMb: youngHeapMib,
    };
    const worker = new Worker(file, {
      workerData,
      resourceLimits,
      execArgv: [],
      name: "compaction",
    });
    let failure: unknown;
    worker.on("error", (error) => {
      failure = error;
    });
    worker.on("message", (message: FromThread) => {
      if (message.kind === "log") log[message.level](message.message, message.fields);
      if (message.kind === "progress") {
        before = message.progress;
        if (before.inHand === undefined) backoff.reset();
      }
    });
    const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    let giveUp: NodeJS.Timeout | undefined;
    const requestStop = () => {
      worker.postMessage("stop");
      giveUp = setTimeout(() => void worker.terminate(), stopMs);
    };
    stop.signal.addEventListener("abort", requestStop, { once: true });
    await exited;
    stop.signal.removeEventListener("abort", requestStop);
    clearTimeout(giveUp);
    if (!stop.signal.aborted)
      log.error("the thread of compaction ended; it is started again", {
        error: failure,
        inHand: before?.inHand,
      });
  };

  const running = (async () => {
    for (let waitMs = Math.min(options.compactIntervalMs, startMs); ; waitMs = backoff.next()) {
      await sleep(waitMs, stop.signal).catch(() => {});
      if (stop.signal.aborted) return;
      await live();
    }
  })();

  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the accessor is stopping"));
      await running;
    },
  };
}
