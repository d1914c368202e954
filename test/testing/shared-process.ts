// Which test files share a process: those that do nothing to the process as a whole. Each of the
// others has its own, which costs a second of processor time to start and to load.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A file that names any of these may change the state of its whole process (its clock, spies, the
 * environment, signals), starts other processes, or measures time or memory. Sockets, databases and
 * services in the process are no reason: each has an owner that closes it before the test ends.
 */
const ownProcess = new RegExp(
  [
    /\bnode:(child_process|cluster|inspector|perf_hooks|process|v8|vm|worker_threads)/,
    /\b(vi|process|performance|gc|globalThis)\b[.?([]/,
    /\bsetMaxListeners\(/,
    /\/testing\/processes/,
  ]
    .map(({ source }) => source)
    .join("|"),
);

/** Decides by the text of a test file. */
export const needsOwnProcess = (text: string): boolean => ownProcess.test(text);

/**
 * The test files of these rooms that do not need a process of their own, as paths from the root.
 */
export function filesOfSharedProcess(rooms: readonly string[]): string[] {
  const files = rooms.flatMap((room) =>
    readdirSync(root + room, { recursive: true, encoding: "utf8" }).map(
      (name) => `${room}/${name}`,
    ),
  );
  return files
    .filter(
      (path) =>
        path.endsWith(".test.ts") &&
        !path.includes("/node_modules/") &&
        !needsOwnProcess(readFileSync(root + path, "utf8")),
    )
    .sort();
}
