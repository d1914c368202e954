// Checks whether a folder may be the data folder of `npm start`: it is writable, and is empty or
// has only what a data folder has. The check comes before any change in it.
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../runtime/config.ts";
import { makeEnterable } from "./postgres-account.ts";

/**
 * Entries of a data folder that does not have its cluster yet: a first start that was killed leaves
 * these.
 */
const ownName =
  /^(?:new-\d+|password|accessor-password(?:\.new)?|owner|producer|simulator-key(?:\.new)?)$/;

/** The root of a file system has lost+found even if it is otherwise empty. */
const notOurs = (name: string) => name !== "lost+found" && !ownName.test(name);

/**
 * Makes the folder if it is missing. Throws ConfigError if it is not writable, or has anything but
 * Millrace's data.
 */
export async function openDataFolder(dataDir: string): Promise<void> {
  try {
    await makeEnterable(dataDir);
    const names = await readdir(dataDir);
    if (!(await isCluster(dataDir)) && names.some(notOurs))
      throw foreign(dataDir, names.filter(notOurs));
    // Tested by writing, so that mounts, ACLs and full disks count.
    await rm(await mkdtemp(join(dataDir, "new-0")), { recursive: true });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([
      `the data folder ${dataDir} can't be used: ${(error as Error).message}. Choose one that you may write with --data-dir`,
    ]);
  }
}

/** `postgres/PG_VERSION` is in every data folder since the first version. */
const isCluster = (dataDir: string) =>
  stat(join(dataDir, "postgres", "PG_VERSION")).then(
    () => true,
    () => false,
  );

function foreign(dataDir: string, names: readonly string[]): ConfigError {
  const some = [...names].sort().slice(0, 3).join(", ");
  return new ConfigError([
    `the folder ${dataDir} holds other things than data of Millrace (${some}${names.length > 3 ? ", …" : ""}): ` +
      "choose an empty or a new folder with --data-dir",
  ]);
}
