// One PostgreSQL for a whole test run: an embedded one in a temporary folder, or the server
// MILLRACE_TEST_DATABASE_URL names.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { openPostgres } from "../../local/postgres.ts";
import { readSettings, setting } from "../../runtime/config.ts";
import { url } from "../../runtime/config-values.ts";
import { createLog } from "../../runtime/log.ts";
import { quickFolder } from "./quick-folder.ts";

declare module "vitest" {
  interface ProvidedContext {
    /**
     * A superuser's URL of the shared server; each test makes databases of its own, see
     * support/postgres.ts.
     */
    databaseServerUrl: string;
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
  const { given } = readSettings({ name: "tests", about: "", settings: { given: serverUrl } }, []);
  if (given) {
    project.provide("databaseServerUrl", given);
    return async () => {};
  }
  const dataDir = await mkdtemp(join(quickFolder(), "millrace-test-"));
  await chmod(dataDir, 0o755);
  const postgres = await openPostgres({
    dataDir,
    settings: cheap,
    syncCluster: false,
    log: createLog({ name: "postgres", level: "warn" }),
    signal: AbortSignal.timeout(60_000),
  });
  project.provide("databaseServerUrl", postgres.url);
  return async () => {
    await postgres[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  };
}
