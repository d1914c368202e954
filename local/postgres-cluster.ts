// The data folder of the embedded PostgreSQL: made once, its password beside it, and free of a
// server that was left behind.
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmod,
  chown,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { sleep } from "../runtime/backoff.ts";
import type { Log } from "../runtime/log.ts";
import {
  type Account,
  canReach,
  closeToOthers,
  makeEnterable,
  makePrivate,
  serverAccount,
} from "./postgres-account.ts";
import { systemFolder } from "./postgres-binaries.ts";
import { accessorRole, readAccessorPassword } from "./postgres-role.ts";

const exec = promisify(execFile);

/** The superuser of the cluster; postgres-role.ts has the accessor's role. */
export const user = "millrace";

/**
 * `dataDir` holds the cluster in `postgres/` and, readable by us only, `password`,
 * `accessor-password` and the pid of the `owner`.
 */
export const clusterIn = (dataDir: string) => join(dataDir, "postgres");
const passwordIn = (dataDir: string) => join(dataDir, "password");
const ownerIn = (dataDir: string) => join(dataDir, "owner");

/**
 * `.millrace` in the checkout; for root, if no other account can enter the checkout, its own folder
 * below /var/lib.
 */
export async function defaultDataDir(checkout: string): Promise<string> {
  const real = await realpath(checkout);
  if (await canReach(real, await serverAccount())) return join(real, ".millrace");
  return join(
    systemFolder,
    `${basename(real)}-${createHash("sha256").update(real).digest("hex").slice(0, 8)}`,
  );
}

/**
 * Creates the cluster unless it exists; returns the password. `sync: false` only for data that may
 * be lost (tests).
 */
export async function openCluster(
  dataDir: string,
  {
    initdb,
    account,
    sync,
    log,
    abort,
  }: { initdb: string; account: Account | undefined; sync: boolean; log: Log; abort: AbortSignal },
): Promise<string> {
  await makeEnterable(dataDir);
  if (!(await canReach(dataDir, account))) {
    throw new Error(
      `The data folder ${dataDir} can't be reached by the user ${account?.name ?? "that starts"}. Choose another with --data-dir.`,
    );
  }
  const isOurs = await stat(clusterIn(dataDir)).catch(() => undefined);
  if (isOurs) {
    // Read it first: a folder without it may belong to something else, and stays unchanged.
    const known = await readPassword(dataDir);
    await closeToOthers(dataDir, account);
    await chmod(passwordIn(dataDir), 0o600).catch(() => {});
    return known;
  }
  log.info(`creating a database cluster in ${dataDir}`);
  // Under another name until it is complete: a start that is killed here must not leave half a
  // cluster.
  for (const left of await readdir(dataDir))
    if (left.startsWith("new-")) await rm(join(dataDir, left), { recursive: true, force: true });
  const fresh = join(dataDir, `new-${process.pid}`);
  const password = randomBytes(24).toString("base64url");
  const forInitdb = join(fresh, "password");
  await makePrivate(fresh, account);
  await writeFile(forInitdb, password, { mode: 0o600 });
  if (account) await chown(forInitdb, account.uid, account.gid);
  const flags = [
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=libc",
    "--locale=C.UTF-8",
    "--data-checksums",
  ];
  try {
    await exec(
      initdb,
      [
        "-D",
        join(fresh, "cluster"),
        "-U",
        user,
        `--pwfile=${forInitdb}`,
        ...flags,
        ...(sync ? [] : ["--no-sync"]),
      ],
      {
        ...(account && { uid: account.uid, gid: account.gid }),
        cwd: "/",
        env: serverEnv,
        signal: abort,
      },
    );
    await writeFile(passwordIn(dataDir), password, { mode: 0o600 });
    await rename(join(fresh, "cluster"), clusterIn(dataDir));
    await closeToOthers(dataDir, account);
  } catch (cause) {
    abort.throwIfAborted();
    const { stderr = "", stdout = "" } = cause as { stderr?: string; stdout?: string };
    throw new Error(
      `Can't create a database cluster in ${dataDir}. ${`${stdout}${stderr}`.trim() || String(cause)}`,
    );
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return password;
}

async function readPassword(dataDir: string): Promise<string> {
  try {
    return (await readFile(passwordIn(dataDir), "utf8")).trim();
  } catch (cause) {
    throw new Error(
      `There is a database in ${dataDir}, but its password can't be read from ${passwordIn(dataDir)}. ` +
        "Restore that file, or choose another folder with --data-dir.",
      { cause },
    );
  }
}

/**
 * The server gets none of our environment: the user's PGDATA or LC_ALL must not change what it
 * does.
 */
export const serverEnv = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C.UTF-8", TZ: "UTC" };

/**
 * Records the process that starts the server of this folder, so that a second start can tell a
 * running owner from a dead one.
 */
export const claimOwnership = (dataDir: string) =>
  writeFile(ownerIn(dataDir), `${process.pid}\n`, { mode: 0o600 });

/** The process that started the server of this folder last; undefined without any. */
export async function noteOfOwner(dataDir: string): Promise<number | undefined> {
  return Number(await readFile(ownerIn(dataDir), "utf8").catch(() => "0")) || undefined;
}

/**
 * Waits for a server that a killed process left behind, and stops it if need be. Throws if its
 * owner still runs. A process that only happens to have the pid in the file is never signalled.
 */
export async function clearLeftover(
  dataDir: string,
  { log, abort }: { log: Log; abort: AbortSignal },
): Promise<void> {
  const pidFile = join(clusterIn(dataDir), "postmaster.pid");
  const leftover = await readPostmaster(dataDir);
  if (!leftover) return;
  const { pid } = leftover;
  if (!(await isServerOf(dataDir, pid))) {
    // PostgreSQL refuses to start while any process has that pid; without a process it removes the
    // file itself.
    if (isAlive(pid)) await rm(pidFile, { force: true });
    return;
  }
  const owner = await noteOfOwner(dataDir);
  const watchdog = await parentOf(pid);
  if (owner !== undefined && watchdog !== undefined && (await parentOf(watchdog)) === owner) {
    throw new Error(
      `The data folder ${dataDir} is in use by process ${owner}. Stop it, or choose another folder with --data-dir.`,
    );
  }
  log.info(`waiting for the PostgreSQL of an earlier run (pid ${pid}) to stop`);
  // Its watchdog has already asked it to stop; then we do, with a fast and finally an immediate
  // shutdown.
  for (const [kill, waitMs] of [
    [undefined, 2000],
    ["SIGINT", 5000],
    ["SIGQUIT", 5000],
  ] as const) {
    if (kill && (await isServerOf(dataDir, pid))) process.kill(pid, kill);
    for (
      const until = performance.now() + waitMs;
      performance.now() < until;
      await sleep(20, abort)
    ) {
      if (!(await isServerOf(dataDir, pid))) return;
    }
  }
  throw new Error(
    `The PostgreSQL of an earlier run (pid ${pid}) in ${dataDir} does not stop. End it by hand and start again.`,
  );
}

/**
 * The URL of a database of the server that runs on this folder; undefined if none runs, or we may
 * not read the folder.
 */
export async function runningUrl(dataDir: string, database: string): Promise<string | undefined> {
  const server = await readPostmaster(dataDir);
  if (!server?.ready || !(await isServerOf(dataDir, server.pid))) return undefined;
  const own = await readAccessorPassword(dataDir).catch(() => undefined);
  const password = own ?? (await readPassword(dataDir).catch(() => undefined));
  return (
    password &&
    `postgres://${own ? accessorRole : user}:${password}@127.0.0.1:${server.port}/${database}`
  );
}

/**
 * What a running (or killed) server has written about itself: its pid, its port and, once it takes
 * connections, "ready".
 */
export async function readPostmaster(
  dataDir: string,
): Promise<{ pid: number; port: number; ready: boolean } | undefined> {
  const lines = (
    await readFile(join(clusterIn(dataDir), "postmaster.pid"), "utf8").catch(() => "")
  ).split("\n");
  const pid = Number(lines[0]);
  return pid > 1 ? { pid, port: Number(lines[3]), ready: lines[7]?.trim() === "ready" } : undefined;
}

/** A server's working directory is its data folder; no other process of that name has it. */
async function isServerOf(dataDir: string, pid: number): Promise<boolean> {
  try {
    const [exe, cwd] = await Promise.all([
      readlink(`/proc/${pid}/exe`),
      readlink(`/proc/${pid}/cwd`),
    ]);
    return basename(exe).startsWith("postgres") && cwd === (await realpath(clusterIn(dataDir)));
  } catch {
    return false;
  }
}

export async function parentOf(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const match = /^PPid:\s*(\d+)/m.exec(status);
  return match ? Number(match[1]) : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
