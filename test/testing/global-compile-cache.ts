// One folder of compiled code for a whole test run: hundreds of processes load the same modules,
// and each would parse and compile them again, for half a second of an accessor's start.
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { quickFolder } from "./quick-folder.ts";

/**
 * For vitest's `globalSetup`. Node reads the variable in tests' processes and in the processes that
 * they start.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(quickFolder(), "millrace-compiled-"));
  process.env["NODE_COMPILE_CACHE"] = folder;
  return () => rm(folder, { recursive: true, force: true });
}
