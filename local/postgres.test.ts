// The embedded PostgreSQL with real processes: first start, restart, kill -9, a stranger's pid, a
// port in use, broken folders.
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sleep } from "../runtime/backoff.ts";
import { createLog } from "../runtime/log.ts";
import { quickFolder } from "../test/testing/quick-folder.ts";
import { openPostgres, type PostgresOptions } from "./postgres.ts";
import { defaultDataDir } from "./postgres-cluster.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(quickFolder(), "millrace-postgres-"));
  await chmod(folder, 0o755);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const log = createLog({ name: "test", level: "silent" });
const small = { shared_buffers: "16MB", max_connections: "10" };
const open = (options: Partial<PostgresOptions> = {}) =>
  openPostgres({
    dataDir: join(folder, "data"),
    settings: small,
    syncCluster: false,
    log,
    abort: AbortSignal.timeout(25_000),
    ...options,
  });

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: statement, rowMode: "array" })).rows.flat();
  } finally {
    await client.end();
  }
}

async function eventually(check: () => boolean, within = 8000): Promise<void> {
  for (const until = performance.now() + within; !check(); await sleep(20))
    if (performance.now() > until) throw new Error("not within time");
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("data, password and settings survive a restart; files are ours only", async () => {
  let url: string;
  {
    await using first = await open();
    url = first.url;
    await query(url, "create table t as select 42 as n");
    expect(
      await query(
        url,
        "select current_setting('fsync') || current_setting('data_checksums') || current_setting('listen_addresses')",
      ),
    ).toEqual(["onon127.0.0.1"]);
    expect(
      await query(
        url,
        "select pg_encoding_to_char(encoding) || datcollate from pg_database where datname = 'postgres'",
      ),
    ).toEqual(["UTF8C.UTF-8"]);
  }
  const data = join(folder, "data");
  const closed = process.getuid?.() === 0 ? 0o750 : 0o700;
  expect((await stat(data)).mode & 0o777).toBe(closed);
  // As an earlier version left it.
  await chmod(data, 0o755);
  await using second = await open();
  expect((await stat(data)).mode & 0o777).toBe(closed);
  expect(await query(second.url, "select n from t")).toEqual([42]);
  expect(new URL(second.url).password).toBe(new URL(url).password);
  expect((await stat(join(folder, "data", "password"))).mode & 0o777).toBe(0o600);
  const wrong = new URL(second.url);
  wrong.password = "guess";
  await expect(query(wrong.href, "select 1")).rejects.toMatchObject({ code: "28P01" });
});

test("the server stops when its owner is killed with -9, and the next start has the data", async () => {
  const script = `import { openPostgres } from ${JSON.stringify(new URL("./postgres.ts", import.meta.url).href)};
    import { createLog } from ${JSON.stringify(new URL("../runtime/log.ts", import.meta.url).href)};
    const server = await openPostgres({ dataDir: process.argv[1], settings: ${JSON.stringify(small)}, syncCluster: false,
      log: createLog({ name: "owner" }), abort: new AbortController().signal });
    process.stdout.write(JSON.stringify({ url: server.url, pid: server.pid }) + "\\n"); setInterval(() => {}, 1000);`;
  const owner = spawn(
    process.execPath,
    ["--input-type=module", "-e", script, join(folder, "data")],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const [line] = await once(owner.stdout, "data");
  const { url, pid } = JSON.parse(String(line)) as { url: string; pid: number };
  await query(url, "create table t as select 1 as n");
  await expect(open(), "a second owner is refused while the first works").rejects.toThrow(
    `in use by process ${owner.pid}`,
  );
  const gone = once(owner, "exit");
  owner.kill("SIGKILL");
  await gone;
  await using next = await open();
  expect(await query(next.url, "select n from t")).toEqual([1]);
  // It has ended, but whoever inherited it may not have taken note yet.
  await eventually(() => !isAlive(pid));
});

test("a killed server leaves a pid file that does not stop the next start", async () => {
  const first = await open();
  process.kill(first.pid, "SIGKILL");
  await first.ended;
  expect(await readdir(join(folder, "data", "postgres"))).toContain("postmaster.pid");
  await first[Symbol.asyncDispose]();
  await (await open())[Symbol.asyncDispose]();
});

test("a stranger with the pid of the file is not touched", async () => {
  await (await open())[Symbol.asyncDispose]();
  const stranger = spawn("sleep", ["60"]);
  try {
    await writeFile(
      join(folder, "data", "postgres", "postmaster.pid"),
      `${stranger.pid}\n/elsewhere\n`,
    );
    await (await open())[Symbol.asyncDispose]();
    expect(isAlive(stranger.pid!)).toBe(true);
    expect(stranger.signalCode).toBeNull();
  } finally {
    stranger.kill("SIGKILL");
  }
});

test("a port in use fails with the reason, and no server stays", async () => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await once(blocker, "listening");
  const { port } = blocker.address() as { port: number };
  await expect(open({ port })).rejects.toThrow(
    /PostgreSQL did not start[\s\S]*Address already in use/,
  );
  blocker.close();
  await (await open({ port }))[Symbol.asyncDispose]();
});

test("a wrong setting fails with the server's own words", async () => {
  await expect(open({ settings: { shared_buffers: "lots" } })).rejects.toThrow(
    /invalid value for parameter "shared_buffers"/,
  );
});

test("a cluster whose password is lost says what to do", async () => {
  await (await open())[Symbol.asyncDispose]();
  await unlink(join(folder, "data", "password"));
  await expect(open()).rejects.toThrow(/Restore that file, or choose another folder/);
});

test("half a cluster of a killed first start is cleared away", async () => {
  await mkdir(join(folder, "data", "new-1", "cluster"), { recursive: true });
  await writeFile(join(folder, "data", "new-1", "cluster", "PG_VERSION"), "18\n");
  await (await open())[Symbol.asyncDispose]();
  expect(await readdir(join(folder, "data"))).not.toContain("new-1");
});

test("the end of the server is told, with its log", async () => {
  await using server = await open();
  process.kill(server.pid, "SIGQUIT");
  expect(await server.ended).toContain("immediate shutdown");
});

test("the server does not outlive its watchdog", async () => {
  const server = await open();
  const watchdog = Number(
    /^PPid:\s*(\d+)/m.exec(await readFile(`/proc/${server.pid}/status`, "utf8"))![1],
  );
  process.kill(watchdog, "SIGKILL");
  await server.ended;
  await eventually(() => !isAlive(server.pid));
});

test("an abort calls the start off and leaves nothing running", async () => {
  await (await open())[Symbol.asyncDispose]();
  const stop = new AbortController();
  const starting = open({ abort: stop.signal });
  let pid = 0;
  const file = join(folder, "data", "postgres", "postmaster.pid");
  while (pid === 0) pid = Number((await readFile(file, "utf8").catch(() => "0")).split("\n")[0]);
  stop.abort(new Error("changed my mind"));
  await expect(starting.then((server) => server[Symbol.asyncDispose]())).rejects.toThrow(
    "changed my mind",
  );
  await eventually(() => !isAlive(pid));
});

test.runIf(process.getuid?.() === 0)(
  "as root, a folder no other account can enter is refused or moved",
  async () => {
    await chmod(folder, 0o700);
    await expect(open()).rejects.toThrow(
      /can't be reached by the user \w+. Choose another with --data-dir/,
    );
    expect(await defaultDataDir(folder)).toMatch(
      /^\/var\/lib\/millrace\/millrace-postgres-\w+-[0-9a-f]{8}$/,
    );
    await chmod(folder, 0o755);
    expect(await defaultDataDir(folder)).toBe(join(folder, ".millrace"));
  },
);
