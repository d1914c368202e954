// npm run keys, producers and redeclare: runs a command of the accessor on the database that
// DATABASE_URL names. Without DATABASE_URL it uses the database of a running `npm start`: the one
// with the given data folder, or the only one that runs from this checkout.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../runtime/config.ts";
import { runningDataFolders } from "./installations.ts";
import { runningUrl } from "./postgres-cluster.ts";

const flag = "--data-dir";

/** Exits with the command's status. */
async function runCommand(command: string, argv: readonly string[]): Promise<void> {
  const checkout = fileURLToPath(new URL("..", import.meta.url));
  const { dataDir: named, rest } = takeDataDir(argv);
  const { DATABASE_URL: given, MILLRACE_DATA_DIR } = childEnvironment({});
  const dataDir = named ?? (MILLRACE_DATA_DIR || undefined);
  const flags = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  const isHelp = flags.some((word) => word === "--help" || word === "-h");
  let databaseUrl = named === undefined ? given : undefined;
  // The command needs no database to print its help or to report wrong arguments.
  if (!databaseUrl && rest.length > 0 && !isHelp) {
    const found = await findDatabase(checkout, dataDir);
    if ("mistake" in found) return end(`${found.mistake}\n`, 2);
    databaseUrl = found.url;
  }
  const program = `${checkout}accessor/commands/${command}-command.ts`;
  const child = spawn(process.execPath, [program, ...rest], {
    env: childEnvironment({ DATABASE_URL: databaseUrl }) as NodeJS.ProcessEnv,
    stdio: "inherit",
  });
  const [code] = await once(child, "exit");
  if (isHelp)
    process.stdout.write(
      `  ${flag} DIR  use the database of the npm start with this data folder [env MILLRACE_DATA_DIR]\n`,
    );
  process.exitCode = code ?? 1;
}

/** Removes the flag, which only this program knows. The last one before "--" counts. */
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
      mistake: `More than one npm start runs from this checkout. Choose one: ${flag} ${folders.join(`, or ${flag} `)}.`,
    };
  const url = folders[0] === undefined ? undefined : await runningUrl(folders[0], "millrace");
  if (url !== undefined) return { url };
  const where = dataDir === undefined ? "from this checkout" : `on ${folders[0]}`;
  return {
    mistake:
      `No npm start of this user runs ${where}. Start it first, name its data folder with ${flag}, ` +
      "or set DATABASE_URL to the accessor's database.",
  };
}

function end(text: string, code: number): void {
  process.stderr.write(text);
  process.exitCode = code;
}

const commands = ["keys", "producers", "redeclare"];
const [command = "", ...argv] = process.argv.slice(2);
if (commands.includes(command)) await runCommand(command, argv);
else end(`expected one of these commands: ${commands.join(", ")}\n`, 2);
