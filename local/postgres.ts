// An embedded PostgreSQL for one machine: starts the server from the npm package, and stops it
// however our process ends.
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import type { Duplex } from "node:stream";
import { sleep } from "../runtime/backoff.ts";
import type { Log } from "../runtime/log.ts";
import { type Account, serverAccount } from "./postgres-account.ts";
import { findBinaries } from "./postgres-binaries.ts";
import {
  claimOwnership,
  clearLeftover,
  clusterIn,
  openCluster,
  parentOf,
  readPostmaster,
  serverEnv,
  user,
} from "./postgres-cluster.ts";

export interface Postgres extends AsyncDisposable {
  /** With user and password, for the database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** Resolves when the server has ended, with the end of its log; also after an orderly stop. */
  readonly ended: Promise<string>;
}

export interface PostgresOptions {
  /** Made on first use; see postgres-cluster.ts for what is in it. */
  dataDir: string;
  /** 0 (the default) picks a free one. */
  port?: number;
  /** Server settings over the durable defaults, as in postgresql.conf. */
  settings?: Readonly<Record<string, string>>;
  /** False creates the cluster without fsync: only for data that may be lost. Default true. */
  syncCluster?: boolean;
  /**
   * How long a fast shutdown may take before it becomes an immediate one, which is as durable;
   * default 3000.
   */
  stopMs?: number;
  log: Log;
  /** Cancels the start. */
  abort: AbortSignal;
}

/** The product promises that an ack is durable, so the first three are mandatory. */
const durable = {
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  shared_buffers: "256MB",
  max_wal_size: "2GB",
  wal_compression: "off",
  jit: "off",
  max_connections: "60",
  log_min_messages: "warning",
  timezone: "UTC",
  log_timezone: "UTC",
};

/**
 * Starts (and on first use creates) a PostgreSQL that listens on 127.0.0.1 only. Its disposal is a
 * fast shutdown, bounded in time. It also stops when this process dies by kill -9. Each failure is
 * one readable error.
 */
export async function openPostgres(options: PostgresOptions): Promise<Postgres> {
  const { dataDir, log, abort, syncCluster: sync = true } = options;
  const account = await serverAccount();
  const { initdb, postgres, version } = await findBinaries({ account, log });
  const password = await openCluster(dataDir, { initdb, account, sync, log, abort });
  await clearLeftover(dataDir, { log, abort });
  await claimOwnership(dataDir);
  for (let attempt = 1; ; attempt++) {
    const port = options.port || (await freePort());
    const settings = Object.entries({
      ...durable,
      ...options.settings,
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
    });
    const server = startServer(
      [
        postgres,
        "-D",
        clusterIn(dataDir),
        "-p",
        String(port),
        ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      {
        account,
        log,
      },
    );
    try {
      const pid = await ready(server, { dataDir, abort });
      log.info(`PostgreSQL ${version.split("-")[0]} on 127.0.0.1:${port}, data in ${dataDir}`);
      const url = `postgres://${user}:${password}@127.0.0.1:${port}/postgres`;
      return {
        url,
        port,
        pid,
        ended: server.ended,
        [Symbol.asyncDispose]: () => stop(server, { pid, stopMs: options.stopMs }),
      };
    } catch (error) {
      await stop(server, {});
      const taken = /could not bind|Address already in use/i.test(String(error));
      if (!taken || options.port || attempt === 5) throw error;
      log.debug(`port ${port} was taken meanwhile; trying another`);
    }
  }
}

interface Server {
  readonly shell: ChildProcess;
  readonly leash: Duplex;
  readonly ended: Promise<string>;
  hasEnded: boolean;
}

/**
 * The shell between us and the server reads a pipe that only we hold open: its end means that we
 * have died (or want to stop), and the server gets a fast shutdown, after 10 s an immediate one. A
 * group of its own keeps a Ctrl-C at the terminal away.
 */
const watchdog = `"$@" 3<&- & p=$!
(read -r _; kill -INT $p; exec </dev/null >/dev/null 2>&1 3<&-
i=0; while [ $i -lt 100 ] && kill -0 $p; do sleep 0.1; i=$((i+1)); done; kill -QUIT $p) <&3 & r=$!
exec 3<&-
wait $p; c=$?
kill $r 2>/dev/null
exit $c`;

function startServer(
  command: string[],
  { account, log }: { account: Account | undefined; log: Log },
): Server {
  const shell = spawn("/bin/sh", ["-c", watchdog, "sh", ...command], {
    ...(account && { uid: account.uid, gid: account.gid }),
    cwd: "/",
    env: serverEnv,
    detached: true,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const leash = shell.stdio[3] as Duplex;
  leash.on("error", () => {}).resume();
  let output = "";
  shell.stderr!.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(-8192);
    for (const line of text.split("\n").filter(Boolean))
      log[/ (WARNING|PANIC): /.test(line) ? "warn" : "debug"](line);
  });
  // Normally the group is empty by then; but the server must not run on without its watchdog.
  shell.once("exit", () => {
    signalIfThere(-shell.pid!, "SIGQUIT");
    leash.destroy();
  });
  const ended = new Promise<string>((resolve) => {
    shell.once("error", (error) => resolve(String(error)));
    shell.once("close", () => resolve(output.trim()));
  });
  const server: Server = { shell, leash, ended, hasEnded: false };
  ended.then(() => {
    server.hasEnded = true;
    leash.destroy();
  });
  return server;
}

/** The pid of the postmaster once it takes connections. */
async function ready(
  server: Server,
  { dataDir, abort }: { dataDir: string; abort: AbortSignal },
): Promise<number> {
  for (;;) {
    if (server.hasEnded)
      throw new Error(`PostgreSQL did not start on ${dataDir}. Its log:\n${await server.ended}`);
    const postmaster = await readPostmaster(dataDir);
    // The file of an earlier server may say "ready" too.
    if (postmaster?.ready && (await parentOf(postmaster.pid)) === server.shell.pid)
      return postmaster.pid;
    await sleep(20, abort);
  }
}

/**
 * Fast shutdown within `stopMs`, then immediate within half a second, then the whole group by
 * force.
 */
async function stop(
  server: Server,
  { pid, stopMs = 3000 }: { pid?: number; stopMs?: number | undefined },
): Promise<void> {
  if (server.hasEnded) return;
  const group = -server.shell.pid!;
  const timers = [
    setTimeout(() => signalIfThere(pid ?? group, "SIGQUIT"), stopMs),
    setTimeout(() => signalIfThere(group, "SIGKILL"), stopMs + 500),
  ];
  server.leash.end();
  await server.ended;
  for (const timer of timers) clearTimeout(timer);
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // The process has ended meanwhile, as intended.
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
