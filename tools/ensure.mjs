// Makes sure that node_modules exists and agrees with the lock file, before anything else runs.
// Plain JavaScript for any Node from 20: it installs Node 24.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** When a file was written; 0 if it does not exist. */
function writtenMs(path) {
  return statSync(`${root}/${path}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

// npm writes this file last, so an interrupted install counts as missing.
const installedMs = writtenMs("node_modules/.package-lock.json");
if (installedMs === 0 || installedMs < writtenMs("package-lock.json")) {
  console.log(`${installedMs === 0 ? "Installing" : "Updating"} the packages (npm ci) …`);
  const { status, error } = spawnSync("npm", ["ci", "--no-progress", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (error)
    fail(`npm could not be started: ${error.message}. Install npm 10 or newer and try again.`);
  if (status !== 0)
    fail(
      `npm ci failed (status ${status}). Its own messages are above; check the network and the registry, then try again.`,
    );
}

// Also if npm was configured to run no scripts.
await import("./link-node.mjs");

const local = writtenMs("node_modules/.bin/node") > 0;
if (!local && Number(process.versions.node.split(".")[0]) < 24) {
  fail(
    `Millrace needs Node 24, and npm has none for ${process.platform}-${process.arch}; this is ${process.version}. ` +
      "Install Node 24 or newer and try again (on Linux x64 and arm64: run npm ci without --omit=optional).",
  );
}
