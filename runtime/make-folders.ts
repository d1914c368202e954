// Makes a folder and its parents, one after the other. Node's `recursive` never ends where the
// system says ENOENT of a folder whose parent is there, as below /proc.
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

/**
 * Makes the folder and those above it that are missing; returns the first that it made, undefined
 * if the folder was there. Throws the system's error where one can't be made, or is no folder.
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
      // Another process may make the same ones.
      if (codeOf(error) !== "EEXIST" || !(await isFolder(folder))) throw error;
    }
  }
  return first;
}

/** False for what is not there. Throws for what is no folder, or can't be looked at. */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
  throw Object.assign(new Error(`ENOTDIR: not a folder, mkdir '${path}'`), { code: "ENOTDIR" });
}
