// Puts a complete folder in the place of another one.
import { renameSync, rmSync } from "node:fs";

/**
 * Puts the folder in the place of another one. Several processes may do so at once: the
 * last one wins. For an instant between two moves there is none.
 */
export function replaceFolder(target: string, folder: string): void {
  const old = `${folder}-old`;
  for (let left = 1_000; ; left--) {
    if (tryRename(folder, target, ["ENOTEMPTY", "EEXIST"])) return;
    if (left === 0) throw new Error(`${target} cannot be replaced`);
    if (tryRename(target, old, ["ENOENT"])) rmSync(old, { recursive: true, force: true });
  }
}

/** False if it fails with one of these codes. */
function tryRename(from: string, to: string, codes: readonly string[]): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}
