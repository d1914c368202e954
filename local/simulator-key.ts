// The key for the simulator, and for the check whether it runs, if the accessor requires keys: made
// once for a data folder, kept in it, and replaced when it is refused.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { sleep } from "../runtime/backoff.ts";
import { childEnvironment } from "../runtime/config.ts";

const exec = promisify(execFile);

/** Readable by us only. */
const keyIn = (dataDir: string) => join(dataDir, "simulator-key");

export type SimulatorKeyOptions = {
  dataDir: string;
  /** Producer id of the simulator, which the key must cover. */
  producerId: string;
  databaseUrl: string;
  gatewayUrl: string;
  /** Where the programs of the accessor are, with a slash at the end. */
  checkout: string;
  say: (text: string) => void;
  abort: AbortSignal;
};

/** The id that the simulator's spool has or will have. */
export async function simulatorProducerId(dataDir: string): Promise<string> {
  const text = await readFile(join(dataDir, "producer", "spool.json"), "utf8").catch(() => "{}");
  const { producerId = `simulator-${randomBytes(4).toString("hex")}` } = JSON.parse(text) as {
    producerId?: string;
  };
  return producerId;
}

/** Rejects if the gateway does not accept a new key either. */
export async function openSimulatorKey(options: SimulatorKeyOptions): Promise<string> {
  const { dataDir, producerId, say } = options;
  const known = await readFile(keyIn(dataDir), "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
  if (known !== undefined && (await isTaken(known, { ...options, refusedMs: 0 }))) return known;
  const rights = ["--scope", "read", "--scope", "write", "--machine", "*"];
  const producers = [
    "--producer",
    "simulator-*",
    ...(/^simulator-/.test(producerId) ? [] : ["--producer", producerId]),
  ];
  const made = await runAccessorProgram(
    "keys",
    ["create", "--name", "npm start", ...rights, ...producers],
    options,
  );
  const key = made.trim();
  await writeFile(`${keyIn(dataDir)}.new`, key, { mode: 0o600 });
  await rename(`${keyIn(dataDir)}.new`, keyIn(dataDir));
  say(`made a key for the simulator, kept in ${keyIn(dataDir)}`);
  const [from, to] = [idOf(known), idOf(key)];
  // What the simulator sent with the old key belongs to that key. A different database has none of
  // it.
  if (from !== undefined && to !== undefined)
    await runAccessorProgram("producers", ["move", "--from", from, "--to", to], options).catch(
      () => {},
    );
  if (!(await isTaken(key, { ...options, refusedMs: 10_000 })))
    throw new Error("the gateway refuses the simulator's key");
  return key;
}

const idOf = (key: string | undefined) => /^mr_([0-9a-f]{12})_/.exec(key ?? "")?.[1];

async function runAccessorProgram(
  name: "keys" | "producers",
  args: readonly string[],
  { checkout, databaseUrl, abort }: SimulatorKeyOptions,
): Promise<string> {
  const env = childEnvironment({
    DATABASE_URL: databaseUrl,
    MILLRACE_PARENT_FD: undefined,
  }) as NodeJS.ProcessEnv;
  const { stdout } = await exec(
    process.execPath,
    [`${checkout}accessor/commands/${name}-command.ts`, ...args],
    {
      env,
      signal: abort,
    },
  );
  return stdout;
}

const patienceMs = 30_000;

/** Asks until there is an answer; a refusal of the key counts only after refusedMs. */
async function isTaken(
  key: string,
  { gatewayUrl, abort, refusedMs }: SimulatorKeyOptions & { refusedMs: number },
): Promise<boolean> {
  const askedMs = performance.now();
  for (;;) {
    const status = await statusOf(`${gatewayUrl}/signals`, key, abort);
    if (status === 200) return true;
    const sinceMs = performance.now() - askedMs;
    if ((status === 401 || status === 403) && sinceMs >= refusedMs) return false;
    if (sinceMs > patienceMs) throw new Error(`${gatewayUrl} does not answer: status ${status}`);
    await sleep(100, abort);
  }
}

async function statusOf(url: string, key: string, abort: AbortSignal): Promise<number> {
  try {
    const limited = AbortSignal.any([abort, AbortSignal.timeout(2000)]);
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${key}` },
      signal: limited,
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    abort.throwIfAborted();
    return 0;
  }
}
