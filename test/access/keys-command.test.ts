// npm run keys on the command line: a process with arguments, a database in its environment, and
// its output on each stream.
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openPostgres } from "../../local/postgres.ts";
import { childEnvironment } from "../../runtime/config.ts";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../testing/postgres.ts";
import { quickFolder } from "../testing/quick-folder.ts";

const program = fileURLToPath(new URL("../../accessor/commands/keys-command.ts", import.meta.url));

const anyProgram = fileURLToPath(new URL("../../tools/millrace.mjs", import.meta.url));

type Ran = { status: number; stdout: string; stderr: string };

const keys = (databaseUrl: string, ...args: string[]) =>
  run([program, ...args], { DATABASE_URL: databaseUrl });

function run(
  command: string[],
  variables: Record<string, string | undefined>,
  cwd?: string,
): Promise<Ran> {
  const env = childEnvironment(variables) as NodeJS.ProcessEnv;
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env, ...(cwd && { cwd }) }, (error, stdout, stderr) => {
      resolve({ status: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

test("a key is made, listed, replaced and revoked; its text is written once, to standard output alone", async () => {
  await using database = await testDatabase("absent");
  const create = [
    "create",
    "--name",
    "hall 3",
    "--scope",
    "read",
    "--scope",
    "live",
    "--machine",
    "mill-*",
    "--expires",
    "90d",
  ];
  const made = await keys(database.url, ...create);
  expect(made.status).toBe(0);
  expect(made.stdout).toMatch(/^mr_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n$/);
  const [, id, secret] = /^mr_([0-9a-f]{12})_(.*)\n$/.exec(made.stdout)!;
  expect(made.stderr).toContain('"audit":"key-created"');
  expect(made.stderr).not.toContain(secret);

  const listed = await keys(database.url, "list");
  expect(listed.stdout).toMatch(
    new RegExp(
      `^${id}  hall 3  read,live  mill-\\* +rest:\\*,http:\\*  until 20\\S+Z +never$`,
      "m",
    ),
  );
  expect(listed.stdout).not.toContain(secret);

  const replaced = await keys(database.url, "rotate", id!, "--overlap", "0s");
  expect(replaced.stdout).toMatch(/^mr_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n$/);
  const newId = replaced.stdout.slice(3, 15);
  const revoked = await keys(database.url, "revoke", newId);
  expect([revoked.status, revoked.stderr.includes('"audit":"key-revoked"')]).toEqual([0, true]);
  const after = (await keys(database.url, "list")).stdout;
  expect(after).toMatch(new RegExp(`^${id}  .* expired `, "m"));
  expect(after).toMatch(new RegExp(`^${newId}  .* revoked `, "m"));
  expect((await keys(database.url, "revoke", newId)).stderr).toContain("no valid key has the id");
}, 60_000);

test.each([
  [["create", "--name", "x"], "--scope is required"],
  [["create", "--name", "x", "--scope", "read"], "--machine is required"],
  [["create", "--scope", "read", "--machine", "*"], "--name is required"],
  [
    ["create", "--name", "x", "--scope", "root", "--machine", "*"],
    "expected one of read, live, write, admin",
  ],
  [["create", "--name", "x", "--scope", "read", "--machine", "mill "], "expected a pattern"],
  [["revoke"], "expected: keys create"],
  [["revoke", "all"], "an ID is 12 of 0-9, a-f"],
  [["destroy"], "expected: keys create"],
  [[], "expected: keys create"],
])("%j is a mistake, which is said", async (args, said) => {
  const { status, stdout, stderr } = await keys("postgres://127.0.0.1:1/none", ...args);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(said);
});

test("millrace starts our programs by name, from any folder, and ends as they do", async () => {
  const millrace = (...args: string[]) =>
    run([anyProgram, ...args], { DATABASE_URL: undefined }, tmpdir());
  expect((await millrace("gateway", "--help")).stdout).toContain("--cors-origin");
  expect((await millrace("accessor", "--help")).stdout).toContain("--max-age");
  expect((await millrace("healthcheck")).stderr).toContain("give --grpc or --http, or both");
  expect(await millrace("keys", "destroy")).toMatchObject({ status: 2, stdout: "" });
  expect(await millrace("--help")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("accessor|gateway"),
  });
  expect(await millrace("destroy")).toMatchObject({ status: 2, stdout: "" });
}, 90_000);

test("without DATABASE_URL, keys are those of the server that runs on the data folder", async () => {
  const dataDir = await mkdtemp(join(quickFolder(), "millrace-keys-"));
  await chmod(dataDir, 0o755);
  const variables = { DATABASE_URL: undefined, MILLRACE_DATA_DIR: dataDir };
  const list = () => run([anyProgram, "keys", "list"], variables);
  try {
    expect(await list()).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`No npm start of this user runs on ${dataDir}`),
    });
    const log = createLog({ name: "postgres", level: "silent" });
    {
      await using _ = await openPostgres({
        dataDir,
        syncCluster: false,
        log,
        abort: AbortSignal.timeout(60_000),
      });
      expect((await list()).stdout).toContain("There are no keys.");
    }
    expect((await list()).status).toBe(2);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}, 90_000);
