// Certificates for tests: authorities of their own, made when they are needed, and files in a
// temporary folder.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";

export type Pair = { readonly cert: string; readonly key: string };
export type Names = { dns?: readonly string[]; ip?: readonly string[]; uri?: readonly string[] };
export type Authority = {
  /** Its own certificate. */
  readonly cert: string;
  /** For servers and clients alike. Default: from an hour ago, for 90 days. */
  issue(names: Names, validity?: { fromMs?: number; untilMs?: number }): Promise<Pair>;
};

const hourMs = 3_600_000;

export async function createAuthority(name = "plant"): Promise<Authority> {
  const own = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() - 2 * hourMs),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    cert: own.cert,
    async issue({ dns = [], ip = [], uri = [] }, { fromMs = Date.now() - hourMs, untilMs } = {}) {
      const altNames = [
        ...dns.map((value) => ({ type: 2 as const, value })),
        ...uri.map((value) => ({ type: 6 as const, value })),
        ...ip.map((address) => ({ type: 7 as const, ip: address })),
      ];
      const made = await generate([{ name: "commonName", value: "a certificate" }], {
        keyType: "ec",
        algorithm: "sha256",
        notBeforeDate: new Date(fromMs),
        notAfterDate: new Date(untilMs ?? Date.now() + 90 * 24 * hourMs),
        ca: { key: own.private, cert: own.cert },
        extensions: [
          { name: "basicConstraints", cA: false },
          { name: "keyUsage", digitalSignature: true },
          { name: "extKeyUsage", serverAuth: true, clientAuth: true },
          { name: "subjectAltName", altNames },
        ],
      });
      return { cert: made.cert, key: made.private };
    },
  };
}

/** Writes a file; returns its path. */
export const loopback: Names = { dns: ["localhost"], ip: ["127.0.0.1"] };

export type Folder = AsyncDisposable & {
  /** Writes a file; answers its path. */
  write(name: string, content: string): Promise<string>;
  /** Writes NAME.crt and NAME.key. */
  writePair(name: string, pair: Pair): Promise<{ cert: string; key: string }>;
};

export async function openFolder(): Promise<Folder> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-tls-"));
  const write = async (name: string, content: string) => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  return {
    write,
    writePair: async (name, { cert, key }) => ({
      cert: await write(`${name}.crt`, cert),
      key: await write(`${name}.key`, key),
    }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
