// Changes of a folder that outlast a power cut: a file is not there for good until its folder is
// synced too.
import { chmod, open, readdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolders } from "../../../runtime/make-folders.ts";

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
 * What a spool holds is its producer's business only: whatever the umask says, nobody else may
 * enter its folders or read its files.
 */
export const privateFile = 0o600;
const privateFolder = 0o700;

/**
 * Makes a folder of ours that nobody else may enter. One that is there is closed too, with the
 * files in it.
 */
export async function makePrivateFolder(path: string): Promise<void> {
  await makeFolders(path, { mode: privateFolder });
  await keepPrivateFolder(path);
  for (const entry of await readdir(path, { withFileTypes: true }))
    if (entry.isFile()) await keepPrivate(join(path, entry.name));
}

/** Closes a file that may be from before files were private, or that something else made. */
export const keepPrivate = (path: string): Promise<void> => close(path, privateFile);

export const keepPrivateFolder = (path: string): Promise<void> => close(path, privateFolder);

/** It may be gone by now; and what belongs to another is that one's to open or close. */
async function close(path: string, mode: number): Promise<void> {
  await chmod(path, mode).catch((error: unknown) => {
    if (errorCode(error) !== "ENOENT" && errorCode(error) !== "EPERM") throw error;
  });
}

/** Puts a file in its place whole or not at all. Leaves no part behind when it fails. */
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

/** The disk or the quota is full: nothing is broken, and it may pass. */
export function isDiskFull(error: unknown): boolean {
  return errorCode(error) === "ENOSPC" || errorCode(error) === "EDQUOT";
}
