// Preloaded into a process (node --expose-gc --import): on SIGUSR2 it collects garbage, and appends
// the size of what is left to the file named in its URL. Unlike resident memory, this excludes what
// the collector has not returned yet.
import { appendFileSync } from "node:fs";

const path = new URL(import.meta.url).searchParams.get("file")!;

process.on("SIGUSR2", () => {
  globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  appendFileSync(path, `${process.pid},${heapUsed},${external}\n`);
});
