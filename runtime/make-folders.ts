// Makes a folder and its parents, one after the other. Node's `recursive` never ends if the system
// returns ENOENT for a folder whose parent exists, as below /proc.
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

/**
 * Makes the folder and its missing parents; returns the first that it made, undefined if the folder
 * existed. Throws the system's error if one can't be made or is not a folder.
 */
export async function makeFolders(
  path: string,
  { mode = 0o777 } = {},
): Promise<string | undefined> {
  const missing: string[] = [];
  for (let at = resolve(path); !(await isFolder(at)); at = dirname(at)) missing.unshift(at);
  let first: string | undefined;
  for (const folder of missing) {
    try {
      await mkdir(folder, { mode });
      first ??= folder;
    } catch (error) {
      // Another process may make the same folders.
      if (codeOf(error) !== "EEXIST" || !(await isFolder(folder))) throw error;
    }
  }
  return first;
}

/** False if the path does not exist. Throws if it is not a folder, or can't be read. */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
  throw Object.assign(new Error(`ENOTDIR: not a folder, mkdir '${path}'`), { code: "ENOTDIR" });
}
