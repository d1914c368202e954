// The PostgreSQL of a run, restarted on the same port whenever it ends, and the ways to harm it.
import { appendFileSync } from "node:fs";
import { chmod, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { openPostgres, type Postgres } from "../../local/postgres.ts";
import { createLog } from "../../runtime/log.ts";

export class KeptPostgres implements AsyncDisposable {
  #dataDir: string;
  readonly #ownsFolder: boolean;
  #server: Postgres;
  #reopening: Promise<void> | undefined;
  /** Ended for good: never restarted. */
  #replaced: Postgres | undefined;
  #closed = false;
  readonly logPath: string | undefined;

  private constructor(
    server: Postgres,
    {
      dataDir,
      logPath,
      ownsFolder,
    }: { dataDir: string; logPath: string | undefined; ownsFolder: boolean },
  ) {
    this.#server = server;
    this.logPath = logPath;
    this.#dataDir = dataDir;
    this.#ownsFolder = ownsFolder;
    this.#watch();
  }

  /** In a folder of its own, or on a given file system. logPath: its log file. */
  static async open(folder?: string, logPath?: string): Promise<KeptPostgres> {
    const dataDir = folder ?? (await mkdtemp(join(tmpdir(), "millrace-chaos-")));
    await chmod(dataDir, 0o755);
    const server = await start(dataDir, { logPath });
    return new KeptPostgres(server, { dataDir, logPath, ownsFolder: folder === undefined });
  }

  get port(): number {
    return this.#server.port;
  }

  get dataDir(): string {
    return this.#dataDir;
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** The URL of a database, direct, or through a proxy that listens at `port`. */
  url(database: string, port = this.port): string {
    const url = new URL(this.#server.url);
    url.pathname = `/${database}`;
    url.port = String(port);
    return url.href;
  }

  /** SIGQUIT is an immediate shutdown. */
  signal(name: "SIGQUIT" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    try {
      process.kill(this.#server.pid, name);
    } catch {
      // It has just ended by itself.
    }
  }

  /**
   * Ends the server for good, and once all its processes are gone continues with one that `next`
   * opens in a folder of its own, which this object then owns. The caller then owns the former
   * folder. Until `next` has resolved, connections are refused.
   */
  async replace(
    signal: "SIGINT" | "SIGQUIT" | "SIGKILL",
    next: () => Promise<{ server: Postgres; dataDir: string }>,
  ): Promise<void> {
    await this.up();
    const former = this.#server;
    this.#replaced = former;
    process.kill(former.pid, signal);
    const replaced = former.ended.then(next).then(({ server, dataDir }) => {
      this.#server = server;
      this.#dataDir = dataDir;
      this.#watch();
    });
    this.#reopening = replaced.catch(() => {});
    await replaced;
  }

  /** Resolves when it accepts connections. */
  async up(): Promise<void> {
    await this.#reopening;
  }

  /** Server processes that serve an accessor. */
  async backends(database: string): Promise<number[]> {
    const rows = await this.ask(
      database,
      "select pid from pg_stat_activity where application_name like 'millrace%' and datname = current_database()",
    );
    return rows.map(([pid]) => Number(pid));
  }

  /** Runs a statement on a connection of its own; returns no rows if it fails. */
  async ask(database: string, text: string): Promise<unknown[][]> {
    const client = new pg.Client({
      connectionString: this.url(database),
      connectionTimeoutMillis: 3_000,
      query_timeout: 10_000,
    });
    client.on("error", () => {});
    try {
      await client.connect();
      return (await client.query({ text, rowMode: "array" })).rows as unknown[][];
    } catch {
      return [];
    } finally {
      await client.end().catch(() => {});
    }
  }

  /**
   * Fills its file system to the last byte for a while. Only if that file system is its own and
   * small.
   */
  async fillDisk(ms: number): Promise<void> {
    if (this.#ownsFolder) return;
    const path = join(this.#dataDir, "balloon");
    const file = await open(path, "w");
    try {
      for (const bytes of [2 ** 20, 2 ** 12])
        for (let full = false; !full; )
          full = await file.write(Buffer.alloc(bytes, 1)).then(
            ({ bytesWritten }) => bytesWritten < bytes,
            () => true,
          );
      await sleep(ms);
    } finally {
      await file.close();
      await rm(path, { force: true });
    }
  }

  #watch(): void {
    const watched = this.#server;
    void watched.ended.then(() => {
      if (this.#closed || watched === this.#replaced) return;
      this.#reopening = this.#reopen();
    });
  }

  async #reopen(): Promise<void> {
    for (let attempt = 1; !this.#closed; attempt++) {
      try {
        this.#server = await start(this.#dataDir, { port: this.port, logPath: this.logPath });
        this.#watch();
        return;
      } catch (error) {
        if (attempt === 20) throw error;
        await sleep(250);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reopening;
    this.#closed = true;
    this.signal("SIGCONT");
    await this.#server[Symbol.asyncDispose]();
    if (this.#ownsFolder) await rm(this.#dataDir, { recursive: true, force: true });
  }
}

type Starting = {
  /** Default: any free one. */
  port?: number;
  settings?: Record<string, string>;
  logPath?: string | undefined;
};

export function start(
  dataDir: string,
  { port = 0, settings = {}, logPath }: Starting,
): Promise<Postgres> {
  return openPostgres({
    dataDir,
    port,
    settings: { shared_buffers: "48MB", max_wal_size: "256MB", min_wal_size: "32MB", ...settings },
    syncCluster: false,
    log: createLog({
      name: "postgres",
      level: logPath === undefined ? "silent" : "debug",
      ...(logPath === undefined ? {} : { sink: (line) => appendFileSync(logPath, line) }),
    }),
    abort: AbortSignal.timeout(60_000),
  });
}
