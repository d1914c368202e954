// Owns the thread of compaction: hands its log on, starts it again when it dies, with what it died
// of, and stops it. However much there is to compact, and whatever that does to memory, the thread
// that takes batches and answers goes on.
import { Worker } from "node:worker_threads";
import { createBackoff, sleep } from "../../runtime/backoff.ts";
import type { Log } from "../../runtime/log.ts";
import type { Progress } from "./compactor.ts";
import type { FromThread, ThreadData } from "./thread-messages.ts";

export type BesideOptions = Omit<ThreadData, "before"> & {
  log: Log;
  /** Of the thread's heap, beside what buffers take. Default 512 MiB; a step takes some 100. */
  maxHeapMib?: number;
  /** How long a stop may take before the thread is ended as it is. Default 2 s. */
  stopMs?: number;
  /** For tests: what runs in place of thread.ts. */
  file?: URL;
};

// V8 would take 24 MiB, as the main thread is told to; with 8 MiB a step is no slower.
const youngHeapMib = 8;
const threadFile = new URL("./thread.ts", import.meta.url);
const restart = { baseMs: 500, maxMs: 30_000 };
// Whoever starts is to serve first: to load what the thread needs takes half a second of a core.
const startMs = 2_000;

export function startCompactorBeside(options: BesideOptions): AsyncDisposable {
  const { log, maxHeapMib = 512, stopMs = 2_000, file = threadFile, ...data } = options;
  const stop = new AbortController();
  const backoff = createBackoff(restart);
  let before: Progress | undefined;

  /** One life of the thread. */
  const live = async (): Promise<void> => {
    const workerData: ThreadData = { ...data, before };
    // Flags of Node are the process's own: what is loaded by them is loaded once.
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
