// The built console on disk: its page in memory, and the policy under which browsers run it.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export type BuiltConsole = {
  readonly folder: string;
  /** index.html, which names the hashed files. */
  readonly page: Buffer;
  readonly entityTag: string;
  /** Paths of the files below assets/, each with a slash in front. */
  readonly assets: ReadonlySet<string>;
};

/** Undefined if the folder has no index.html: the console is not built. */
export async function readBuiltConsole(folder: string): Promise<BuiltConsole | undefined> {
  const page = await readFile(join(folder, "index.html")).catch(undefinedIfAbsent);
  if (page === undefined) return undefined;
  const digest = createHash("sha256").update(page).digest("base64url").slice(0, 22);
  return { folder, page, entityTag: `"${digest}"`, assets: await readAssets(`${folder}/assets`) };
}

function undefinedIfAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}

/** Only files that are in the folder themselves: a link could lead anywhere. */
async function readAssets(folder: string): Promise<Set<string>> {
  const options = { recursive: true, withFileTypes: true } as const;
  const entries = (await readdir(folder, options).catch(undefinedIfAbsent)) ?? [];
  const pathsOf = (of: typeof entries) =>
    of.map(({ parentPath, name }) => join(parentPath, name).slice(join(folder).length));
  const links = new Set(pathsOf(entries.filter((entry) => entry.isSymbolicLink())));
  const files = pathsOf(entries.filter((entry) => entry.isFile()));
  // A compressed variant is sent in place of its file.
  return new Set(files.filter((path) => !links.has(`${path}.br`) && !links.has(`${path}.gz`)));
}

/**
 * Only files of this gateway, and no inline script or style. Charts are saved as images from blob:
 * addresses. A worker is under the policy of its own response, so each file has this one.
 */
export const consolePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
