// One PostgreSQL for all tests of a project of vitest: an embedded one in a temporary folder, or
// the server that MILLRACE_TEST_DATABASE_URL names.
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { migrate } from "../../accessor/store/migrate.ts";
import { openPostgres } from "../../local/postgres.ts";
import { readSettings, setting } from "../../runtime/config.ts";
import { url } from "../../runtime/config-values.ts";
import { createLog } from "../../runtime/log.ts";
import { quickFolder } from "./quick-folder.ts";
import { askServer } from "./standby.ts";

declare module "vitest" {
  interface ProvidedContext {
    /**
     * A superuser's URL of the shared server; each test makes databases of its own, see
     * testing/postgres.ts.
     */
    databaseServerUrl: string;
    /** The name of a migrated database on it without connections: copies are made from it. */
    databaseTemplate: string;
  }
}

const serverUrl = setting({
  env: "MILLRACE_TEST_DATABASE_URL",
  parse: url({ schemes: ["postgres", "postgresql"] }),
  optional: true,
  doc: "a server to test against, in place of the embedded one",
});

/**
 * Durability stays on, since ingest refuses to run without it; the rest is small and quick to
 * start.
 */
const cheap = {
  shared_buffers: "64MB",
  max_connections: "100",
  max_wal_size: "512MB",
  min_wal_size: "64MB",
  autovacuum_naptime: "10min",
};

/** For vitest's `globalSetup`. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await using stack = new AsyncDisposableStack();
  const { given } = readSettings({ name: "tests", about: "", settings: { given: serverUrl } }, []);
  const url = given ?? stack.use(await openServer()).url;
  project.provide("databaseServerUrl", url);
  project.provide("databaseTemplate", stack.use(await openTemplate(url)).name);
  const owned = stack.move();
  return () => owned.disposeAsync();
}

async function openServer(): Promise<AsyncDisposable & { url: string }> {
  await using stack = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(quickFolder(), "millrace-test-"));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  await chmod(dataDir, 0o755);
  const { url } = stack.use(
    await openPostgres({
      dataDir,
      settings: cheap,
      syncCluster: false,
      log: createLog({ name: "postgres", level: "warn" }),
      abort: AbortSignal.timeout(60_000),
    }),
  );
  const owned = stack.move();
  return { url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function openTemplate(serverUrl: string): Promise<AsyncDisposable & { name: string }> {
  const name = `template_${randomBytes(8).toString("hex")}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await askServer(serverUrl, `create database ${name}`);
  await migrate(url.href, createLog({ name: "migrate", level: "warn" }));
  return {
    name,
    [Symbol.asyncDispose]: async () => void (await askServer(serverUrl, `drop database ${name}`)),
  };
}
