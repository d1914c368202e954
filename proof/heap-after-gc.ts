// Preloaded into a process (node --expose-gc --import): on SIGUSR2 it collects, and appends to the
// file named in its URL what is left then. Resident memory says what a collector has not handed
// back yet as well; this does not.
import { appendFileSync } from "node:fs";

const path = new URL(import.meta.url).searchParams.get("file")!;

process.on("SIGUSR2", () => {
  globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  appendFileSync(path, `${process.pid},${heapUsed},${external}\n`);
});
