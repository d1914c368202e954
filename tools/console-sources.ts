// What the built console is made of, as one digest: whoever finds the same digest need not build.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Rooms whose code may be in the bundle. */
const rooms = ["console", "client", "codec", "runtime", "gen/browser"];

/** The digest of all sources, of the packages' versions, and of how files are written. */
export function digestOfConsole(root: string): string {
  const hash = createHash("sha256");
  for (const path of [...rooms.flatMap((room) => filesOf(root, room)), "package-lock.json"]) {
    hash.update(`${path}\0`);
    hash.update(readFileSync(join(root, path)));
    hash.update("\0");
  }
  return hash.digest("hex");
}

function filesOf(root: string, room: string): string[] {
  // Folders of builds are not entered: one that runs moves its own.
  const tops = readdirSync(join(root, room), { withFileTypes: true }).filter(
    ({ name }) => !(room === "console" && /^dist($|\.)/.test(name)),
  );
  return tops
    .flatMap((top) =>
      top.isDirectory()
        ? readdirSync(join(root, room, top.name), { recursive: true, withFileTypes: true })
        : top,
    )
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(root, "/").length))
    .filter((path) => !/\.test\.ts$|\/testing\//.test(path))
    .sort();
}
