// Memory that processes retain: heap and external memory after a forced collection, once a minute,
// and whether it grew.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { median } from "./usage.ts";

const preload = fileURLToPath(new URL("heap-after-gc.ts", import.meta.url));

export type HeapTrend = {
  name: string;
  collections: number;
  /** Medians of the first and the last fifth after the warm-up. */
  firstMb: number;
  lastMb: number;
  maxMb: number;
};

/** The file that a process of that name writes. */
export function heapPath({ folder }: { folder: string }, name: string): string {
  return `${folder}/${name}.heap.csv`;
}

/** Arguments for node that make the process answer SIGUSR2 with a line in the file. */
export function heapArguments(path: string): string[] {
  const url = pathToFileURL(preload);
  url.searchParams.set("file", path);
  return ["--expose-gc", "--import", url.href];
}

/**
 * Signals each process that lives. The first time only after a minute: before its preload ran, the
 * signal would end it. Dispose to stop.
 */
export function startHeaps(
  targets: readonly { pid: number | undefined }[],
  everyMs = 60_000,
): Disposable {
  const timer = setInterval(() => {
    for (const { pid } of targets) if (pid !== undefined) process.kill(pid, "SIGUSR2");
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** For the lines that one process wrote; warmUp: the number of first lines to ignore. */
export function heapTrend(name: string, path: string, { warmUp }: { warmUp: number }): HeapTrend {
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
  const megabytes = lines.map((line) => {
    const [, heapUsed, external] = line.split(",").map(Number);
    return (heapUsed! + external!) / 2 ** 20;
  });
  const judged = megabytes.length > warmUp ? megabytes.slice(warmUp) : megabytes;
  const fifth = Math.max(1, Math.floor(judged.length / 5));
  return {
    name,
    collections: megabytes.length,
    firstMb: median(judged.slice(0, fifth)),
    lastMb: median(judged.slice(-fifth)),
    maxMb: Math.max(...megabytes),
  };
}

/** Undefined if it is flat: it grew by no more than the limit. */
export function judgeHeap(
  { name, collections, firstMb, lastMb }: HeapTrend,
  { mayGrowMb }: { mayGrowMb: number },
): string | undefined {
  if (collections === 0) return `${name} never told its heap`;
  if (lastMb - firstMb <= mayGrowMb) return undefined;
  return `${name} holds ${lastMb.toFixed(1)} MB after a collection, ${firstMb.toFixed(1)} MB before: more than ${mayGrowMb} MB of growth`;
}
