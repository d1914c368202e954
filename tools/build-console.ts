// npm run console:build: builds the console into console/dist, if its sources have changed.
// `--out DIR` writes elsewhere. npm start calls this too. Two at once do not disturb each other:
// each builds into a folder of its own, and moves it into place when it is complete.
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { digestOfConsole } from "./console-sources.ts";
import { replaceFolder } from "./replace-folder.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const at = process.argv.indexOf("--out");
const out = at === -1 ? join(root, "console/dist") : resolve(process.argv[at + 1]!);
const digestName = "sources.sha256";
/** What follows the folder's name in the name of one that is being written. */
const building = ".building-";

const digest = digestOfConsole(root);
const built = join(out, digestName);
if (existsSync(built) && readFileSync(built, "utf8") === digest)
  console.log("The console is built already.");
else if (!isInstalled("vite"))
  console.log("The console is not built: Vite is not installed (npm ci installs it).");
else await buildInto(out);

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}

async function buildInto(target: string): Promise<void> {
  const beganMs = performance.now();
  console.log("Building the console …");
  const { build } = await import("vite");
  removeLeftovers(target);
  const folder = mkdtempSync(join(dirname(target), `${basename(target)}${building}`));
  try {
    await build({
      configFile: join(root, "console/vite.config.ts"),
      logLevel: "warn",
      build: { outDir: folder, emptyOutDir: true },
    });
    await compress(join(folder, "assets"));
    await writeFile(join(folder, digestName), digest);
    // The gateway may run under another account: in the image it does.
    chmodSync(folder, 0o755);
    replaceFolder(target, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
  console.log(`Built the console in ${seconds} s.`);
}

/** Removes what builds left that were killed; a build takes seconds. */
function removeLeftovers(target: string): void {
  const longAgoMs = Date.now() - 10 * 60_000;
  for (const name of readdirSync(dirname(target))) {
    if (!name.startsWith(`${basename(target)}${building}`)) continue;
    const path = join(dirname(target), name);
    // Another build may have moved it meanwhile.
    const changedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (changedMs !== undefined && changedMs < longAgoMs)
      rmSync(path, { recursive: true, force: true });
  }
}

/** Writes the variants that browsers ask for beside each file that is worth it. */
async function compress(folder: string): Promise<void> {
  const smallBytes = 1_024;
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    if (bytes.length < smallBytes || !/\.(js|css|svg)$/.test(name)) continue;
    const text = { [constants.BROTLI_PARAM_QUALITY]: 9 };
    const [br, gz] = await Promise.all([
      promisify(brotliCompress)(bytes, { params: text }),
      promisify(gzip)(bytes, { level: 9 }),
    ]);
    await writeFile(join(folder, `${name}.br`), br);
    await writeFile(join(folder, `${name}.gz`), gz);
  }
}
