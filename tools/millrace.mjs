#!/usr/bin/env node
// `npx millrace keys create …`, in this folder: runs our programs by name, as `npm run` starts
// them, from any working directory. Plain JavaScript for any Node from 20: the programs themselves
// run on the Node 24 that was installed as a package.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const programs = [
  "start",
  "accessor",
  "gateway",
  "producer",
  "keys",
  "producers",
  "redeclare",
  "healthcheck",
];
const [name, ...args] = process.argv.slice(2);

/** How npm run starts a program of ours: "NAME=value … node WORD …". */
function commandOf(program) {
  const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));
  const words = scripts[program].split(" ");
  const at = words.indexOf("node");
  const args = words.slice(at + 1).map((word) => (word.endsWith(".ts") ? `${root}/${word}` : word));
  return { settings: words.slice(0, at), words: args };
}

if (programs.includes(name) || (name === "run" && args.length > 0)) {
  await import("./ensure.mjs");
  const own = `${root}/node_modules/.bin/node`;
  const node = existsSync(own) ? own : process.execPath;
  const { settings, words } = name === "run" ? { settings: [], words: [] } : commandOf(name);
  // The shell only sets environment variables, and is then replaced.
  const script = [...settings.map((one) => `export ${one}`), 'exec "$@"'].join("; ");
  const child = spawn("sh", ["-c", script, "sh", node, ...words, ...args], { stdio: "inherit" });
  // The program itself receives a Ctrl-C; this process waits for its end.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  });
} else {
  const asked = name === undefined || name === "--help" || name === "-h";
  console[asked ? "log" : "error"](
    `millrace ${programs.join("|")} …; each has --help\nmillrace run FILE …: a program of yours`,
  );
  process.exitCode = asked && name !== undefined ? 0 : 2;
}
