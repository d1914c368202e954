#!/usr/bin/env node
// `npx millrace keys create …`, in this folder: our programs by name, as `npm run` starts them, from wherever one stands. Plain JavaScript
// for any Node from 20: the programs themselves get the Node 24 that came with the packages.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const programs = ["start", "accessor", "gateway", "producer", "keys", "producers"];
const [name, ...args] = process.argv.slice(2);

if (programs.includes(name)) {
  await import("./ensure.mjs");
  const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));
  const [, ...words] = scripts[name].split(" ");
  const own = `${root}/node_modules/.bin/node`;
  const command = words.map((word) => (word.endsWith(".ts") ? `${root}/${word}` : word));
  const child = spawn(existsSync(own) ? own : process.execPath, [...command, ...args], { stdio: "inherit" });
  // A Ctrl-C reaches the program by itself; this waits for how it ends.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  });
} else {
  const asked = name === undefined || name === "--help" || name === "-h";
  console[asked ? "log" : "error"](`millrace ${programs.join("|")} …; each has --help`);
  process.exitCode = asked && name !== undefined ? 0 : 2;
}
