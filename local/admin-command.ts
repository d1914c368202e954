// Runs a program of the accessor's on the database that DATABASE_URL names, or else on that of the
// `npm start` that runs on this machine.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../runtime/config.ts";
import { defaultDataDir, runningUrl } from "./postgres-cluster.ts";

/** program: a file, from the checkout. Ends as it does. */
export async function runAdminCommand(program: string): Promise<void> {
  const checkout = fileURLToPath(new URL("..", import.meta.url));
  const { DATABASE_URL: given, MILLRACE_DATA_DIR: dataDir } = childEnvironment({});
  const databaseUrl = given ?? (await runningUrl(dataDir ?? (await defaultDataDir(checkout)), "millrace"));
  const child = spawn(process.execPath, [`${checkout}${program}`, ...process.argv.slice(2)], {
    env: childEnvironment({ DATABASE_URL: databaseUrl }) as NodeJS.ProcessEnv,
    stdio: "inherit",
  });
  const [code] = await once(child, "exit");
  process.exitCode = code ?? 1;
}
