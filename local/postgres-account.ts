// Chooses the account that runs PostgreSQL: it refuses root, so root runs it as another account,
// which must be able to reach its files.
import { execFile } from "node:child_process";
import { chmod, chown, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { makeFolders } from "../runtime/make-folders.ts";

const exec = promisify(execFile);

/** An account other than our own, for `spawn`. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The account for PostgreSQL: our own (undefined), or for root `postgres`, else `nobody`. */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const rows = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const name of ["postgres", "nobody"]) {
    const row = rows.find(([login]) => login === name);
    if (row) return { name, uid: Number(row[2]), gid: Number(row[3]) };
  }
  throw new Error(
    "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody. Start as another user, or set DATABASE_URL.",
  );
}

/**
 * Whether the account may enter this folder, or run this file. The system decides, so that ACLs and
 * mounts count.
 */
export async function canReach(path: string, account: Account | undefined): Promise<boolean> {
  const identity = account ? { uid: account.uid, gid: account.gid } : {};
  try {
    await exec("/bin/sh", ["-c", 'test -r "$1" && test -x "$1"', "sh", path], {
      ...identity,
      cwd: "/",
    });
    return true;
  } catch {
    return false;
  }
}

/** Makes a folder and its parents; every account may enter the new ones, whatever the umask. */
export async function makeEnterable(path: string): Promise<void> {
  const first = await makeFolders(path);
  if (first === undefined) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) await chmod(at, 0o755);
}

/**
 * Closes a folder to everyone but us and the account that runs the server, which has access by its
 * group. Otherwise others could see the names of files that they cannot read.
 */
export async function closeToOthers(path: string, account: Account | undefined): Promise<void> {
  try {
    if (account) await chown(path, process.getuid!(), account.gid);
    await chmod(path, account ? 0o750 : 0o700);
  } catch (error) {
    // The folder belongs to another account, which decides about its mode.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}

/** Makes a folder that only the account may enter. */
export async function makePrivate(path: string, account: Account | undefined): Promise<void> {
  await makeFolders(path, { mode: 0o700 });
  if (account) await chown(path, account.uid, account.gid);
}
