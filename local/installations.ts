// Finds each `npm start` that runs from this checkout: by its PostgreSQL, which runs in the data
// folder, where its owner is recorded.
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { noteOfOwner } from "./postgres-cluster.ts";

/** The data folders of the running ones, sorted. Only root sees processes of other users. */
export async function runningDataFolders(checkout: string): Promise<string[]> {
  const program = resolve(await realpath(checkout), "local/main.ts");
  const found = new Set<string>();
  for (const pid of await readdir("/proc")) {
    const cluster = /^\d+$/.test(pid) ? await clusterOf(pid) : undefined;
    if (cluster === undefined || basename(cluster) !== "postgres") continue;
    const owner = await noteOfOwner(dirname(cluster));
    if (owner !== undefined && (await runs(owner, program))) found.add(dirname(cluster));
  }
  return [...found].sort();
}

/** Each process of a PostgreSQL has its cluster as working directory. */
async function clusterOf(pid: string): Promise<string | undefined> {
  try {
    if (!basename(await readlink(`/proc/${pid}/exe`)).startsWith("postgres")) return undefined;
    return await readlink(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** Whether a process was started as `node … program`, from wherever. */
async function runs(pid: number, program: string): Promise<boolean> {
  try {
    const [cwd, line] = await Promise.all([
      readlink(`/proc/${pid}/cwd`),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
    ]);
    return line
      .split("\0")
      .some((word) => word.endsWith("main.ts") && resolve(cwd, word) === program);
  } catch {
    return false;
  }
}
