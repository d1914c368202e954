// Changes of a folder that outlast a power cut: a file is durable only once its folder is synced
// too.
import { chmod, open, readdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolders } from "../../runtime/make-folders.ts";

/** Makes what was created, renamed or removed in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Only its producer may see what a spool holds: whatever the umask, no other account may enter its
 * folders or read its files.
 */
export const privateFile = 0o600;
const privateFolder = 0o700;

/**
 * Makes a folder that no other account may enter. An existing folder is closed to them too, with
 * its files.
 */
export async function makePrivateFolder(path: string): Promise<void> {
  await makeFolders(path, { mode: privateFolder });
  await keepPrivateFolder(path);
  for (const entry of await readdir(path, { withFileTypes: true }))
    if (entry.isFile()) await keepPrivate(join(path, entry.name));
}

/** Makes a file private that may be older than this rule, or that another program made. */
export const keepPrivate = (path: string): Promise<void> => close(path, privateFile);

export const keepPrivateFolder = (path: string): Promise<void> => close(path, privateFolder);

/**
 * The file may be gone by now; and if it belongs to another account, its mode is up to that
 * account.
 */
async function close(path: string, mode: number): Promise<void> {
  await chmod(path, mode).catch((error: unknown) => {
    if (errorCode(error) !== "ENOENT" && errorCode(error) !== "EPERM") throw error;
  });
}

/** Puts a file in its place completely or not at all. Leaves no partial file when it fails. */
export async function writeWhole(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const handle = await open(temporary, "w", privateFile);
    try {
      for (const part of parts) await handle.writeFile(part);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}

export function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** Whether the disk or the quota is full: nothing is damaged, and space may come back. */
export function isDiskFull(error: unknown): boolean {
  return errorCode(error) === "ENOSPC" || errorCode(error) === "EDQUOT";
}
