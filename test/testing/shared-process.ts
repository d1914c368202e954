// Which test files share one process: those without effects on the next file. Each of the others
// has its own, which costs a second of processor time to start and to load.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A file that names any of these may change the state of its whole process (timers, spies, the
 * environment), may leave a socket or a listener open, or measures time or memory.
 */
const ownProcess = new RegExp(
  [
    /\bnode:(?!assert|buffer|crypto|path|url|util|zlib)/,
    /\b(vi|process|performance|gc|globalThis)\b[.?([]/,
    /\b(fetch|open[A-Z]\w*|testDatabase|listen|setMaxListeners)\(/,
    /from "[^"]*\/testing\/(?!brute-force|column-kinds)/,
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
      (path) => path.endsWith(".test.ts") && !needsOwnProcess(readFileSync(root + path, "utf8")),
    )
    .sort();
}
