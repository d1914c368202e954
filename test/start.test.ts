// `npm start` as a newcomer uses it: everything from one process, all ended within 5 s of Ctrl-C or
// when it is killed, the data kept.
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rest } from "./testing/ask.ts";
import { outputOf } from "./testing/commands.ts";
import { eventually } from "./testing/eventually.ts";
import { freePorts } from "./testing/free-ports.ts";
import { type Program, startProgram } from "./testing/processes.ts";
import { quickFolder } from "./testing/quick-folder.ts";

let dataDir = "";
beforeAll(async () => {
  dataDir = await mkdtemp(join(quickFolder(), "millrace-start-"));
  // If started by root, PostgreSQL runs as another account, which must be able to enter the folder.
  await chmod(dataDir, 0o755);
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

async function start(): Promise<{ program: Program; httpUrl: string; commands: string[] }> {
  const [httpPort, grpcPort] = await freePorts(2);
  const ports = ["--http-port", String(httpPort), "--grpc-port", String(grpcPort)];
  const program = startProgram("local/main.ts", ["--data-dir", join(dataDir, "data"), ...ports]);
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
    { withinMs: 60_000 },
  );
  const commands = program.lines
    .map((line) => line.trim())
    .filter((line) => /^(curl|npx) /.test(line));
  return { program, httpUrl: `http://127.0.0.1:${httpPort}`, commands };
}

const firstSample = async (httpUrl: string) =>
  (await rest(`${httpUrl}/signals/power?machine=mill-1&limit=1`)).body.signals![0];

/** The child processes of a process, and their children. */
async function descendants(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // A process that ends meanwhile does not count.
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    // The name in parentheses may contain spaces; state and parent follow it.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (stat !== "") parents.set(Number(name), parent);
  }
  const found = [pid];
  for (const one of found)
    for (const [child, parent] of parents) if (parent === one) found.push(child);
  return found.slice(1);
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // A process that has ended but was not waited for (in a container without an init) is no running
  // orphan.
  return stat !== "" && !/\) [ZX] /.test(stat);
}

const anyAlive = async (pids: readonly number[]) =>
  (await Promise.all(pids.map(isAlive))).includes(true);

test("ready, five machines, commands that work, kill -9 without orphans, Ctrl-C within 5 s, the data kept", {
  timeout: 120_000,
}, async () => {
  const { program: first, httpUrl, commands } = await start();
  await using _first = first;
  const lines = first.lines.map((line) => line.trim());
  const named = lines[lines.findIndex((line) => line.endsWith("Open it in a browser:")) + 1]!;
  expect(named).toBe(httpUrl);
  const page = await fetch(named, { headers: { accept: "text/html,*/*;q=0.8" } });
  expect(await page.text()).toContain('<div id="app">');
  // It is ready with the first machine; the others register in commits of their own.
  const latest = await eventually("all machines are there", async () => {
    const { body } = await rest(`${httpUrl}/signals/power/latest`);
    return body.signals!.length >= 5 ? body : undefined;
  });
  expect(latest.signals!.map(({ machine }) => machine)).toEqual([
    "lathe-3",
    "mill-1",
    "press-2",
    "robot-4",
    "saw-5",
  ]);
  const sample = await firstSample(httpUrl);

  expect(commands).toHaveLength(3);
  const [rows, live, watch] = await Promise.all(
    commands.map((command) =>
      outputOf(command, {
        enough: (text) => /\/live|WatchSignals/.test(command) && /ACTIVE|IDLE|OFF|FAULT/.test(text),
      }),
    ),
  );
  expect(JSON.parse(rows!).signals).toHaveLength(5);
  expect(live).toMatch(/event: ready[\s\S]*data: \{"signals":\[\{"machine":/);
  expect(watch).toMatch(/"stateChanges"/);

  const family = await descendants(first.pid);
  // Three services, the watchdog, PostgreSQL and its own processes.
  expect(family.length).toBeGreaterThan(8);
  first.signal("SIGKILL");
  expect(await first.ended).toBe("SIGKILL");
  await eventually("all that it started is gone", async () => !(await anyAlive(family)));

  const again = await start();
  await using second = again.program;
  expect(await firstSample(again.httpUrl)).toEqual(sample);
  const children = await descendants(second.pid);
  const asked = performance.now();
  second.signal("SIGINT");
  expect(await second.ended).toBe(0);
  expect(performance.now() - asked).toBeLessThan(5000);
  expect(await anyAlive(children)).toBe(false);
});

test("a port that is taken is named, with the flag for another", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await using program = startProgram("local/main.ts", [
    "--data-dir",
    join(dataDir, "none"),
    "--http-port",
    String(port),
  ]);
  expect(await program.ended).toBe(2);
  expect(program.lines.join("\n")).toContain(
    `port ${port} is in use by another program; choose another with --http-port`,
  );
  server.close();
});
