// The database of all measurements: one embedded PostgreSQL with durable settings in a folder of
// its own, which is removed at the end.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgres } from "../local/postgres.ts";
import { sleep } from "../runtime/backoff.ts";
import type { Log } from "../runtime/log.ts";
import {
  type Role,
  type Service,
  type ServiceOptions,
  startAccessor,
  startRole,
} from "./processes.ts";
import { RowStore } from "./rows.ts";
import { type Usage, usageOfServer } from "./usage.ts";

export interface Stage extends AsyncDisposable {
  /** A database of its own with an accessor on it. */
  open(options?: { compactInterval?: string }): Promise<Scene>;
  readonly usage: () => Usage;
  readonly serverVersion: string;
}

export interface Scene extends AsyncDisposable {
  readonly accessor: Service;
  /** The baseline's table, in the accessor's database. */
  readonly rows: RowStore;
  role(file: string): Role;
  /** Waits until everything committed is compacted; returns how long that took. */
  compacted(): Promise<number>;
}

/** The same for all measurements. autovacuum has its default. */
const settings = { shared_buffers: "1GB", max_wal_size: "8GB", checkpoint_timeout: "15min" };

export type StageOptions = {
  log: Log;
  abort: AbortSignal;
  /** The folder for CPU profiles of processes, if any. */
  profileDir: string | undefined;
};

export async function openStage({ log, abort, profileDir }: StageOptions): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  // PostgreSQL may have to run as another user, which must be able to enter the folder.
  await chmod(dataDir, 0o755);
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const server = stack.use(await openPostgres({ dataDir, settings, log, abort }));
  const rows = stack.use(await RowStore.open(server.url));
  const serverVersion = String((await rows.query("show server_version"))[0]![0]);
  let scenes = 0;
  const owned = stack.move();
  return {
    serverVersion,
    usage: () => usageOfServer(server.pid),
    async open({ compactInterval = "500ms" } = {}) {
      const name = `bench_${++scenes}`;
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return openScene(url.href, {
        flags: ["--compact-interval", compactInterval],
        nodeFlags: profileDir === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profileDir],
        abort,
        drop: async () => {
          await rows.query(`drop database ${name} with (force)`);
        },
      });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const patienceMs = 300_000;

type SceneOptions = Omit<ServiceOptions, "databaseUrl"> & {
  abort: AbortSignal;
  drop: () => Promise<void>;
};

async function openScene(
  databaseUrl: string,
  { abort, drop, ...options }: SceneOptions,
): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  stack.defer(drop);
  const service = stack.use(await startAccessor({ ...options, databaseUrl }));
  const rows = stack.use(await RowStore.open(databaseUrl));
  const owned = stack.move();
  return {
    accessor: service,
    rows,
    role: (file) => owned.use(startRole(file, options)),
    async compacted() {
      const from = performance.now();
      for (;;) {
        const [row] = await rows.query(
          "select (select max(revision) from receipt) <= (select max(revision) from watermark)",
        );
        const ms = performance.now() - from;
        if (row![0] !== false) return ms;
        if (ms > patienceMs) throw new Error("compaction stands still");
        await sleep(10, abort);
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
