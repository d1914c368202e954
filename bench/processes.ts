// The processes of a bench run: the accessor as in production, and the bench's own roles.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { nodeFlags as flagsOf, nodeEnvironment } from "../local/node-flags.ts";
import { childEnvironment } from "../runtime/config.ts";
import { type Usage, usageOf } from "./usage.ts";

const checkout = fileURLToPath(new URL("..", import.meta.url));

export interface Service extends AsyncDisposable {
  readonly url: string;
  readonly usage: () => Usage;
}

export type ServiceOptions = {
  databaseUrl: string;
  flags: readonly string[];
  nodeFlags: readonly string[];
};

/** Starts an accessor as `npm run accessor` does, and waits until it listens. */
export async function startAccessor({
  databaseUrl,
  flags,
  nodeFlags,
}: ServiceOptions): Promise<Service> {
  const child = start("accessor/main.ts", {
    flags: ["--listen", "127.0.0.1:0", ...flags],
    nodeFlags: [...flagsOf("accessor/main.ts"), ...nodeFlags],
    env: {
      ...nodeEnvironment("accessor/main.ts"),
      DATABASE_URL: databaseUrl,
      MILLRACE_LOG_FORMAT: "json",
      MILLRACE_MAX_AGE: "unlimited",
    },
  });
  const said: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stderr! }).on("line", (line) => {
      const found = /"port":(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(Number(found));
      if (/"level":"(warn|error)"/.test(line)) process.stderr.write(`accessor: ${line}\n`);
      said.push(line);
    });
    child.once("exit", (code) =>
      reject(new Error(`the accessor ended with ${code}:\n${said.join("\n")}`)),
    );
  });
  return {
    url: `http://127.0.0.1:${port}`,
    usage: () => usageOf(child.pid!),
    [Symbol.asyncDispose]: () => stop(child),
  };
}

export interface Role extends AsyncDisposable {
  readonly usage: () => Usage;
  /** Runs a command, one at a time. */
  call<T>(name: string, given?: unknown): Promise<T>;
}

/** Starts a file of bench/ that serves commands. */
export function startRole(file: string, { nodeFlags }: { nodeFlags: readonly string[] }): Role {
  const child = start(`bench/${file}`, { nodeFlags });
  child.stderr!.pipe(process.stderr);
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    usage: () => usageOf(child.pid!),
    async call<T>(name: string, given: unknown = null) {
      child.stdin!.write(`${JSON.stringify({ name, given })}\n`);
      const { done, value } = await answers.next();
      if (done) throw new Error(`${file} ended while it was asked to ${name}`);
      const answer = JSON.parse(value) as { result?: T; error?: string };
      if (answer.error !== undefined) throw new Error(`${file}, asked to ${name}: ${answer.error}`);
      return answer.result as T;
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}

type StartOptions = {
  flags?: readonly string[];
  nodeFlags: readonly string[];
  env?: Record<string, string>;
};

/** They end when this process does: a pipe of theirs closes. */
function start(file: string, { flags = [], nodeFlags, env = {} }: StartOptions): ChildProcess {
  const service = !file.startsWith("bench/");
  return spawn(process.execPath, [...nodeFlags, `${checkout}${file}`, ...flags], {
    cwd: checkout,
    env: childEnvironment({
      ...env,
      MILLRACE_PARENT_FD: service ? "3" : undefined,
    }) as NodeJS.ProcessEnv,
    stdio: service ? ["ignore", "ignore", "pipe", "pipe"] : ["pipe", "pipe", "pipe"],
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  // A role ends when it has nothing more to do, an accessor on a signal.
  if (child.stdin === null) child.kill("SIGTERM");
  else child.stdin.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(timer);
}
