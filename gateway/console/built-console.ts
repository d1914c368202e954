// The built console on disk: its page in memory, and the policy under which browsers run it.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export type BuiltConsole = {
  readonly folder: string;
  /** index.html, which names the hashed files. */
  readonly page: Buffer;
  readonly entityTag: string;
};

/** Undefined if the folder has no index.html: the console is not built. */
export async function readBuiltConsole(folder: string): Promise<BuiltConsole | undefined> {
  const page = await readFile(join(folder, "index.html")).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (page === undefined) return undefined;
  const digest = createHash("sha256").update(page).digest("base64url").slice(0, 22);
  return { folder, page, entityTag: `"${digest}"` };
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
