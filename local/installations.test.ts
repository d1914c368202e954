// Installations are found by what runs: stand-ins with the names, folders and commands of the real
// ones.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runningDataFolders } from "./installations.ts";

let folder = "";
let running: ChildProcess[] = [];
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "millrace-installations-")));
});
afterEach(async () => {
  for (const child of running) await stop(child);
  running = [];
  await rm(folder, { recursive: true });
});

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function start(command: string, args: string[], cwd: string): Promise<ChildProcess> {
  const child = spawn(command, args, { cwd, stdio: "ignore" });
  running.push(child);
  await once(child, "spawn");
  return child;
}

/**
 * `npm start` of a checkout on a data folder. How it names its program, relative or not, is the
 * caller's.
 */
async function startStandIn(checkout: string, name: string, program: string) {
  const cluster = join(folder, name, "postgres");
  await mkdir(cluster, { recursive: true });
  await mkdir(join(checkout, "local"), { recursive: true });
  const owner = await start(
    process.execPath,
    ["-e", "setInterval(() => {}, 1e6)", program],
    checkout,
  );
  await writeFile(join(folder, name, "owner"), `${owner.pid}\n`);
  const server = join(folder, "postgres-stand-in");
  await copyFile("/bin/sleep", server).catch(() => {});
  return { owner, server: await start(server, ["1000"], cluster) };
}

test("those of a checkout are found by folder, until they end; those of another are not", async () => {
  const [mine, other] = [join(folder, "mine"), join(folder, "other")];
  const first = await startStandIn(mine, "a", "local/main.ts");
  const second = await startStandIn(mine, "b", join(mine, "local/main.ts"));
  await startStandIn(other, "c", "local/main.ts");
  // A server without its owner is one that is about to stop, or not of npm start.
  await startStandIn(mine, "d", "bench/main.ts");
  expect(await runningDataFolders(mine)).toEqual([join(folder, "a"), join(folder, "b")]);
  expect(await runningDataFolders(other)).toEqual([join(folder, "c")]);
  await stop(first.server);
  expect(await runningDataFolders(mine)).toEqual([join(folder, "b")]);
  await stop(second.owner);
  expect(await runningDataFolders(mine)).toEqual([]);
});
