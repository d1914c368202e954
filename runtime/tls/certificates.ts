// A certificate, its key and the authorities to trust, read from PEM files and again when the files
// change. A broken set is never used.
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { ConfigError } from "../config.ts";
import type { Log } from "../log.ts";

export type CertificateFiles = {
  /** The certificate, then those that lead from it to its authority. Requires key. */
  cert?: string | undefined;
  key?: string | undefined;
  /** Authorities whose certificates are trusted. */
  ca?: string | undefined;
};

/** PEM text of each file that was given. */
export type CertificateSet = { readonly [K in keyof CertificateFiles]?: Buffer };

export type Certificates = Disposable & {
  readonly current: CertificateSet;
  /**
   * Calls the listener with each new set, for connections from then on. Returns a function that
   * stops this.
   */
  onChange(listener: (set: CertificateSet) => void): () => void;
  /** Reads the files at once, without waiting until they stop changing. */
  reload(): Promise<void>;
};

export type CertificateOptions = {
  log: Log;
  /**
   * How often to check the files. A changed set is used once it was the same in two checks. Default
   * 2 s.
   */
  intervalMs?: number;
  /** Milliseconds since the epoch; default Date.now. */
  nowMs?: () => number;
};

const dayMs = 86_400_000;
const soonMs = 14 * dayMs;

/**
 * Reads the files, throws ConfigError if they are invalid, and checks them until disposed. It
 * compares contents instead of watching: a certificate that is replaced by swapping a link, as
 * Kubernetes does, or on a network drive, raises no event.
 */
export async function openCertificates(
  files: CertificateFiles,
  options: CertificateOptions,
): Promise<Certificates> {
  const { log, intervalMs = 2_000, nowMs = Date.now } = options;
  const listeners = new Set<(set: CertificateSet) => void>();
  const first = await readSet(files)
    .then((set) => ({ set, ...checkSet(set) }))
    .catch(fail);
  let [current, expiresMs] = [first.set, first.expiresMs];
  let [taken, seen, refused] = [printOf(current), "", ""];
  let warnedMs = Number.NEGATIVE_INFINITY;
  const warnOfExpiry = () => {
    const leftMs = expiresMs - nowMs();
    if (leftMs > soonMs || nowMs() - warnedMs < dayMs) return;
    warnedMs = nowMs();
    const fields = { file: files.cert, expires: new Date(expiresMs).toISOString() };
    if (leftMs <= 0) log.error("the certificate has expired: peers will reject it", fields);
    else log.warn("the certificate expires soon", fields);
  };
  warnOfExpiry();

  const take = (set: CertificateSet, print: string) => {
    const checked = checkSet(set);
    if (checked.expiresMs <= nowMs()) throw new Error(`${files.cert}: the certificate has expired`);
    [current, taken, refused, expiresMs, warnedMs] = [
      set,
      print,
      "",
      checked.expiresMs,
      Number.NEGATIVE_INFINITY,
    ];
    const expires = Number.isFinite(expiresMs) ? new Date(expiresMs).toISOString() : undefined;
    log.info("loaded new certificates; open connections keep theirs", {
      ...files,
      expires,
    });
    for (const listener of listeners) listener(current);
    warnOfExpiry();
  };
  const look = async (atOnce: boolean) => {
    let print = "unreadable";
    try {
      const set = await readSet(files);
      print = printOf(set);
      if (print === taken) refused = "";
      // Certificate and key are two files: when one has changed, the other will soon.
      else if (atOnce || (print === seen && print !== refused)) take(set, print);
    } catch (error) {
      if (print !== refused || atOnce)
        log.error("the new certificates are invalid: the previous ones stay in use", {
          error,
          ...files,
        });
      refused = print;
    }
    seen = print;
  };
  let looking = Promise.resolve();
  const lookNext = (atOnce: boolean) => {
    looking = looking.then(() => look(atOnce));
    return looking;
  };
  const timer = setInterval(() => {
    warnOfExpiry();
    void lookNext(false);
  }, intervalMs);
  timer.unref();

  return {
    get current() {
      return current;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reload: () => lookNext(true),
    [Symbol.dispose]() {
      clearInterval(timer);
      listeners.clear();
    },
  };
}

const kinds = ["cert", "key", "ca"] as const;

async function readSet(files: CertificateFiles): Promise<CertificateSet> {
  const read = kinds.map(async (kind) => {
    const file = files[kind];
    return file === undefined ? [] : [[kind, await readFile(file)]];
  });
  return Object.fromEntries((await Promise.all(read)).flat()) as CertificateSet;
}

function printOf(set: CertificateSet): string {
  const hash = createHash("sha256");
  for (const kind of kinds) hash.update(`${kind} ${set[kind]?.length}\n`).update(set[kind] ?? "");
  return hash.digest("base64");
}

/** Throws if the parts are unreadable or do not belong together. */
function checkSet({ cert, key, ca }: CertificateSet): { expiresMs: number } {
  // OpenSSL would take a file without any certificate for a list of no authorities.
  if (ca) for (const one of splitPem(ca)) new X509Certificate(one);
  if (!cert || !key) return { expiresMs: Number.POSITIVE_INFINITY };
  const own = new X509Certificate(splitPem(cert)[0]!);
  if (!own.checkPrivateKey(createPrivateKey(key)))
    throw new Error("the key is not that of the certificate");
  createSecureContext({ cert, key, ...(ca && { ca }) });
  return { expiresMs: own.validToDate.getTime() };
}

function splitPem(pem: Buffer): string[] {
  const found = pem
    .toString("latin1")
    .match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (found === null) throw new Error("there is no certificate in PEM where one should be");
  return found;
}

function fail(error: unknown): never {
  throw new ConfigError([`TLS: ${error instanceof Error ? error.message : String(error)}`]);
}
