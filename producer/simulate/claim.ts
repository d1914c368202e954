// Which machines are simulated for which accessor, among the processes of this computer: two
// simulators of one machine would mix its states and send its samples twice. A claim is a socket's
// name, which disappears with its process however that ends. Abstract names:
// https://man7.org/linux/man-pages/man7/unix.7.html; the list of them: /proc/net/unix.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { ConfigError } from "../../runtime/config.ts";

export type Fleet = { accessor: string; firstMachine: number; machines: number };

/**
 * Holds the machines until it is disposed of. Throws ConfigError if another process simulates one
 * of them. Where such names do not exist (not Linux), it checks nothing.
 */
export async function claimMachines({
  accessor,
  firstMachine: first,
  machines,
}: Fleet): Promise<AsyncDisposable> {
  const last = first + machines - 1;
  const prefix = `millrace-simulator/${placeOf(accessor)}/`;
  const own = `${prefix}${first}-${last}/${process.pid}/${performance.now()}`;
  const server = createServer((socket) => socket.destroy()).unref();
  try {
    await once(server.listen({ path: `\0${own}` }), "listening");
  } catch {
    return { async [Symbol.asyncDispose]() {} };
  }
  const held = {
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
  const others = (await namesWith(prefix)).filter((name) => name !== own).flatMap(toClaim);
  const other = others.find((one) => one.first <= last && first <= one.last);
  if (other === undefined) return held;
  await held[Symbol.asyncDispose]();
  const free = others.reduce((most, one) => Math.max(most, one.last + 1), 1);
  throw new ConfigError([
    `process ${other.pid} already simulates machines ${other.first} to ${other.last} for ${accessor}: ` +
      `choose others with --first-machine ${free}`,
  ]);
}

/** Equal for all the names that this computer has for itself. */
function placeOf(accessor: string): string {
  const { hostname, port, protocol } = new URL(accessor);
  const host = ["localhost", "[::1]"].includes(hostname) ? "127.0.0.1" : hostname;
  const place = `${host}:${port || (protocol === "https:" ? 443 : 80)}`;
  return createHash("sha256").update(place).digest("hex").slice(0, 12);
}

async function namesWith(prefix: string): Promise<string[]> {
  const text = await readFile("/proc/net/unix", "utf8").catch(() => "");
  // The list shows an abstract name after an @; zero bytes that some programs pad a name with
  // appear as @ too.
  return text.split("\n").flatMap((line) => {
    const name = /^.* @([^@]+)@*$/.exec(line)?.[1];
    return name?.startsWith(prefix) ? [name] : [];
  });
}

function toClaim(name: string): { first: number; last: number; pid: number }[] {
  const match = /\/(\d+)-(\d+)\/(\d+)\/[\d.]+$/.exec(name);
  return match ? [{ first: Number(match[1]), last: Number(match[2]), pid: Number(match[3]) }] : [];
}
