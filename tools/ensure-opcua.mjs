// Installs the packages of the bridge from OPC UA, which nobody else needs: 70 MB. Plain
// JavaScript, like ensure.mjs, after which it runs.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), "bridge/opcua");
const writtenMs = (path) => statSync(join(folder, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

// npm writes this file last, so an interrupted install counts as missing.
const installedMs = writtenMs("node_modules/.package-lock.json");
if (installedMs === 0 || installedMs < writtenMs("package-lock.json")) {
  console.log("Installing the packages for OPC UA (npm ci) …");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-progress", "--loglevel=error"];
  const { status, error } = spawnSync("npm", args, {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (error || status !== 0) {
    console.error(
      `npm ci in bridge/opcua failed (${error?.message ?? `status ${status}`}): check the network and the registry, then try again.`,
    );
    process.exit(1);
  }
}
