// A PostgreSQL with a streaming standby, and a proxy to whichever is the primary: to promote the
// standby with or without the newest commits.
import { execFile } from "node:child_process";
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { openPostgres, type Postgres } from "../../local/postgres.ts";
import { serverAccount } from "../../local/postgres-account.ts";
import { type FaultProxy, openFaultProxy } from "../../proof/chaos/proxy.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "./eventually.ts";
import { quickFolder } from "./quick-folder.ts";

export interface ReplicatedPostgres extends AsyncDisposable {
  /** The URL of a database of the present primary, through a proxy that a promotion redirects. */
  url(database: string): string;
  /** The proxy: to cut connections and to refuse new ones. */
  readonly front: FaultProxy;
  /** Rows of a statement, read from the present primary directly, not through the proxy. */
  query(
    database: string,
    statement: string,
    values?: unknown[],
  ): Promise<Record<string, unknown>[]>;
  /** Resolves when the standby has replayed all commits. */
  caughtUp(): Promise<void>;
  /** From now on the standby receives nothing: later commits are lost by the promotion. */
  holdBack(): void;
  /**
   * Ends the primary as kill -9 would, promotes the standby, and redirects the proxy to it.
   * Clients' connections are reset first, and refused until the standby accepts commits.
   */
  promote(): Promise<void>;
}

const settings = {
  shared_buffers: "32MB",
  max_connections: "100",
  max_wal_size: "256MB",
  min_wal_size: "32MB",
  wal_keep_size: "128MB",
  // The longest possible: a checkpoint soon after the promotion is not guaranteed.
  checkpoint_timeout: "1d",
  autovacuum: "off",
};

/** A data folder without a running server, copied by each server that starts with its contents. */
export interface DataFolder extends AsyncDisposable {
  readonly path: string;
}

/** fill: receives the URL of a server on it, and stores what all copies start with. */
export async function makeDataFolder(
  fill: (serverUrl: string) => Promise<void>,
): Promise<DataFolder> {
  await using stack = new AsyncDisposableStack();
  const folder = await openFolder(stack);
  const path = join(folder, "primary");
  {
    await using server = await open(path);
    await fill(server.url);
  }
  const owned = stack.move();
  return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Opens a server on a copy of a data folder. */
export async function openReplicatedPostgres(data: DataFolder): Promise<ReplicatedPostgres> {
  await using stack = new AsyncDisposableStack();
  const folder = await openFolder(stack);
  // Copies a folder without a running server, with its owners: a tenth of the time that initdb
  // takes.
  await promisify(execFile)("cp", ["-a", data.path, join(folder, "primary")]);
  const first = stack.use(await open(join(folder, "primary")));
  const { server: standby, replication } = await openStandby({
    primary: first,
    port: () => first.port,
    from: join(folder, "primary"),
    to: join(folder, "standby"),
    open: (extra) => open(join(folder, "standby"), extra),
    stack,
  });
  let primary = first;
  const front = stack.use(await openFaultProxy(() => primary.port));
  const owned = stack.move();
  return {
    front,
    url: (database) => urlOf(primary, database, front.port),
    query: (database, statement, values) => askServer(urlOf(primary, database), statement, values),
    caughtUp: () => caughtUp(first, standby),
    holdBack: () => holdBack(replication),
    async promote() {
      front.refuse(true);
      front.cut("reset");
      process.kill(first.pid, "SIGQUIT");
      await first.ended;
      await askServer(standby.url, "select pg_promote()");
      primary = standby;
      front.refuse(false);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openFolder(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(quickFolder(), "millrace-standby-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  return folder;
}

const open = (dataDir: string, extra: Record<string, string> = {}) =>
  openPostgres({
    dataDir,
    settings: { ...settings, ...extra },
    syncCluster: false,
    log: createLog({ name: "postgres", level: "silent" }),
    abort: AbortSignal.timeout(120_000),
  });

type Opening = {
  primary: Pick<Postgres, "url">;
  /** Port of the primary. */
  port: () => number;
  /** Data folders of the primary and of the standby, which is created. */
  from: string;
  to: string;
  /** Opens the standby in its folder, with these additional settings. */
  open: (settings: Record<string, string>) => Promise<Postgres>;
  /** Closes both. */
  stack: AsyncDisposableStack;
};

/** A standby of a running server, and the proxy through which it receives. */
export async function openStandby({
  primary,
  port,
  from,
  to,
  open,
  stack,
}: Opening): Promise<{ server: Postgres; replication: FaultProxy }> {
  await copyRunning(primary, { from, to });
  const replication = stack.use(await openFaultProxy(port));
  const { username, password } = new URL(primary.url);
  const server = stack.use(
    await open({
      primary_conninfo: `host=127.0.0.1 port=${replication.port} user=${username} password=${password} application_name=standby`,
      hot_standby: "on",
      wal_retrieve_retry_interval: "100ms",
    }),
  );
  return { server, replication };
}

/** From now on the standby receives nothing. */
export function holdBack(replication: FaultProxy): void {
  replication.refuse(true);
  replication.cut("reset");
}

/** Resolves when the standby has replayed all commits. */
export async function caughtUp(
  primary: Pick<Postgres, "url">,
  standby: Pick<Postgres, "url">,
): Promise<void> {
  const [row] = await askServer(primary.url, "select pg_current_wal_flush_lsn()::text as lsn");
  await eventually("the standby has replayed all", async () => {
    const [seen] = await askServer(
      standby.url,
      "select pg_last_wal_replay_lsn() >= $1::pg_lsn as all",
      [row!["lsn"]],
    );
    return seen!["all"] === true;
  });
}

/**
 * Does the work of pg_basebackup, which the embedded PostgreSQL lacks: a copy in backup mode, for a
 * standby.
 */
async function copyRunning(
  server: Pick<Postgres, "url">,
  { from, to }: { from: string; to: string },
): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    await client.query("select pg_backup_start('standby', true)");
    await mkdir(to, { mode: 0o755 });
    await cp(join(from, "password"), join(to, "password"));
    const cluster = join(to, "postgres");
    const left = /\/postmaster\.(pid|opts)$|\/pg_wal\/[0-9A-F]{24}$|\/pg_replslot\/.|\/pgsql_tmp/;
    // Relations and their forks may disappear or grow meanwhile; their changes in the log make the
    // copy consistent.
    await cp(join(from, "postgres"), cluster, {
      recursive: true,
      filter: (path) => !left.test(path),
    });
    const { rows } = await client.query<{ labelfile: string }>(
      "select labelfile from pg_backup_stop(false)",
    );
    await writeFile(join(cluster, "backup_label"), rows[0]!.labelfile);
    await writeFile(join(cluster, "standby.signal"), "");
    await giveTo(cluster);
  } finally {
    await client.end();
  }
}

async function giveTo(cluster: string): Promise<void> {
  const account = await serverAccount();
  const paths = (await readdir(cluster, { recursive: true })).map((name) => join(cluster, name));
  for (const path of account ? [cluster, ...paths] : [])
    await chown(path, account!.uid, account!.gid);
  await chmod(cluster, 0o700);
}

function urlOf(server: Postgres, database: string, port = server.port): string {
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  url.port = String(port);
  return url.href;
}

/** Rows of a statement, on a connection of its own. */
export async function askServer(
  connectionString: string,
  statement: string,
  values: unknown[] = [],
) {
  const client = new pg.Client({ connectionString });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement, values)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}
