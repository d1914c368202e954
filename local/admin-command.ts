// Runs a program of the accessor's on the database that DATABASE_URL names, or else on that of the
// `npm start` that is meant: by its data folder, or because no other runs from this checkout.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../runtime/config.ts";
import { runningDataFolders } from "./installations.ts";
import { runningUrl } from "./postgres-cluster.ts";

const flag = "--data-dir";

/** program: a file, from the checkout. Ends as it does. */
export async function runAdminCommand(program: string): Promise<void> {
  const checkout = fileURLToPath(new URL("..", import.meta.url));
  const { dataDir: named, rest } = takeDataDir(process.argv.slice(2));
  const { DATABASE_URL: given, MILLRACE_DATA_DIR } = childEnvironment({});
  const dataDir = named ?? (MILLRACE_DATA_DIR || undefined);
  const flags = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  const isHelp = flags.some((word) => word === "--help" || word === "-h");
  let databaseUrl = named === undefined ? given : undefined;
  // What is wrong with the command itself, or its help, the program says without a database.
  if (!databaseUrl && rest.length > 0 && !isHelp) {
    const found = await findDatabase(checkout, dataDir);
    if ("mistake" in found) return end(`${found.mistake}\n`, 2);
    databaseUrl = found.url;
  }
  const child = spawn(process.execPath, [`${checkout}${program}`, ...rest], {
    env: childEnvironment({ DATABASE_URL: databaseUrl }) as NodeJS.ProcessEnv,
    stdio: "inherit",
  });
  const [code] = await once(child, "exit");
  if (isHelp)
    process.stdout.write(
      `  ${flag} DIR  the data folder of the npm start that is meant [env MILLRACE_DATA_DIR]\n`,
    );
  process.exitCode = code ?? 1;
}

/** Takes the flag out, which is ours; the last one before "--" counts. */
function takeDataDir(argv: readonly string[]): { dataDir?: string; rest: string[] } {
  const rest: string[] = [];
  let dataDir: string | undefined;
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (i >= end) rest.push(word);
    else if (word === flag) dataDir = argv[++i] ?? "";
    else if (word.startsWith(`${flag}=`)) dataDir = word.slice(flag.length + 1);
    else rest.push(word);
  }
  return dataDir === undefined ? { rest } : { dataDir, rest };
}

async function findDatabase(
  checkout: string,
  dataDir: string | undefined,
): Promise<{ url: string } | { mistake: string }> {
  const folders = dataDir === undefined ? await runningDataFolders(checkout) : [resolve(dataDir)];
  if (folders.length > 1)
    return {
      mistake: `More than one npm start runs from here: choose with ${flag} ${folders.join(`, or ${flag} `)}.`,
    };
  const url = folders[0] === undefined ? undefined : await runningUrl(folders[0], "millrace");
  if (url !== undefined) return { url };
  const where = dataDir === undefined ? "from this checkout" : `on ${folders[0]}`;
  return {
    mistake:
      `No npm start runs ${where} (or it is another user's). Start it first, name its data folder with ${flag}, ` +
      "or set DATABASE_URL to the accessor's database.",
  };
}

function end(text: string, code: number): void {
  process.stderr.write(text);
  process.exitCode = code;
}
