// The built console for tests, and views of it.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const checkout = fileURLToPath(new URL("../..", import.meta.url));

/** Where the console is, built from the sources as they are now. */
export async function builtConsole(): Promise<string> {
  await promisify(execFile)(process.execPath, [`${checkout}tools/build-console.ts`]);
  return `${checkout}console/dist`;
}

/** Every view, with something to show on it. */
export const views = (machine: string) =>
  ({
    fleet: "/",
    machine: `/machines/${encodeURIComponent(machine)}`,
    errors: "/errors",
    energy: "/energy?price=0.32",
    compare: `/compare?machine=${encodeURIComponent(machine)}`,
    add: "/add",
    file: "/add?tab=file",
    system: "/system",
  }) as const;
