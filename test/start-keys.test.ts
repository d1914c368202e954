// `npm start` with keys, without a simulator, and its refusals, as a newcomer sees them.
import { execFile } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { childEnvironment } from "../runtime/config.ts";
import { eventually } from "./testing/eventually.ts";
import { freePorts } from "./testing/free-ports.ts";
import { type Program, startProgram } from "./testing/processes.ts";
import { quickFolder } from "./testing/quick-folder.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(quickFolder(), "millrace-start-keys-"));
  // If started by root, PostgreSQL runs as another account, which must be able to enter the folder.
  await chmod(folder, 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function start(
  env: Record<string, string>,
  ...flags: string[]
): Promise<{ program: Program; httpUrl: string }> {
  const [httpPort, grpcPort] = await freePorts(2);
  const ports = ["--http-port", String(httpPort), "--grpc-port", String(grpcPort)];
  const program = startProgram(
    "local/main.ts",
    ["--data-dir", join(folder, "data"), ...ports, ...flags],
    env,
  );
  let ended: unknown;
  void program.ended.then((how) => {
    ended = how;
  });
  await eventually(
    "it says that it runs",
    () => {
      if (ended !== undefined) throw new Error(`ended with ${ended}:\n${program.lines.join("\n")}`);
      return program.lines.some((line) => line.includes("Ctrl-C stops it"));
    },
    { withinMs: 90_000 },
  );
  return { program, httpUrl: `http://127.0.0.1:${httpPort}` };
}

type Ran = { status: number; stdout: string; stderr: string };

function millrace(...args: string[]): Promise<Ran> {
  const program = fileURLToPath(new URL("../tools/millrace.mjs", import.meta.url));
  const env = childEnvironment({
    DATABASE_URL: undefined,
    MILLRACE_DATA_DIR: undefined,
  }) as NodeJS.ProcessEnv;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, ...args],
      { env, cwd: tmpdir() },
      (error, stdout, stderr) => {
        resolve({ status: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
      },
    );
  });
}

const power = (httpUrl: string, key: string) =>
  fetch(`${httpUrl}/signals/power/latest`, { headers: { authorization: `Bearer ${key}` } });

test("with MILLRACE_AUTH=keys it runs, keys are found by data folder, and a revoked key of the simulator is replaced", {
  timeout: 300_000,
}, async () => {
  const dataDir = join(folder, "data");
  const keyFile = join(dataDir, "simulator-key");
  let first = "";
  {
    const { program, httpUrl } = await start({ MILLRACE_AUTH: "keys" }, "--machines", "1");
    await using _ = program;
    expect(program.lines.join("\n")).toContain(`KEY=$(npx millrace keys create --name me`);
    first = await readFile(keyFile, "utf8");
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(program.lines.join("\n")).not.toContain(first);
    expect((await fetch(`${httpUrl}/signals`)).status).toBe(401);
    expect((await power(httpUrl, first)).status).toBe(200);

    const made = await millrace(
      "keys",
      "create",
      "--name",
      "me",
      "--scope",
      "read",
      "--machine",
      "*",
      "--data-dir",
      dataDir,
    );
    expect(made).toMatchObject({ status: 0, stdout: expect.stringMatching(/^mr_/) });
    expect(made.stderr).not.toContain("authentication off");
    await eventually(
      "the key is valid",
      async () => (await power(httpUrl, made.stdout.trim())).status === 200,
    );

    // Found without a flag, unless another test runs one from here at the same time.
    const found = await millrace("keys", "list");
    expect(found.stdout + found.stderr).toMatch(
      / {2}npm start {2}|^More than one npm start runs from this checkout\. Choose/m,
    );
    const listed = await millrace("keys", "list", `--data-dir=${dataDir}`);
    const id = /^([0-9a-f]{12}) {2}npm start /m.exec(listed.stdout)![1]!;
    expect((await millrace("keys", "revoke", id, "--data-dir", dataDir)).status).toBe(0);
  }
  {
    const { program, httpUrl } = await start({}, "--auth", "keys", "--machines", "1");
    await using _ = program;
    const second = await readFile(keyFile, "utf8");
    expect(second).not.toBe(first);
    const time = async () =>
      ((await (await power(httpUrl, second)).json()) as { signals: { time: string }[] }).signals[0]!
        .time;
    const before = await time();
    // The batches that its spool has sent belong to the new key too, so it continues.
    await eventually("the simulator goes on", async () => (await time()) > before);
  }
  const { program, httpUrl } = await start({}, "--machines", "0");
  await using _ = program;
  expect(program.lines.join("\n")).toContain("No machine is simulated (--machines 0)");
  expect(program.lines.filter((line) => line.startsWith("producer"))).toEqual([]);
  expect((await fetch(`${httpUrl}/signals`)).status).toBe(200);
  const unasked = await millrace(
    "keys",
    "create",
    "--name",
    "x",
    "--scope",
    "read",
    "--machine",
    "*",
    "--data-dir",
    dataDir,
  );
  expect(unasked.stderr).toContain("runs with authentication off");
});

test.each([
  ["docs", "docs holds other things than data of Millrace"],
  ["/proc/x", "the data folder /proc/x can't be used: ENOENT"],
])("--data-dir %s is refused at once", async (dataDir, said) => {
  const [httpPort, grpcPort] = await freePorts(2);
  const before = await readdir("docs");
  const ports = ["--http-port", String(httpPort), "--grpc-port", String(grpcPort)];
  await using program = startProgram("local/main.ts", ["--data-dir", dataDir, ...ports]);
  expect(await program.ended).toBe(2);
  expect(program.lines.join("\n")).toContain(said);
  expect(await readdir("docs")).toEqual(before);
});
