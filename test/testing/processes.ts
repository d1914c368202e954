// Our services as separate processes, as in production: started, waited for, stopped, killed.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { nodeEnvironment, nodeFlags } from "../../local/node-flags.ts";
import { childEnvironment } from "../../runtime/config.ts";
import { eventually } from "./eventually.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A running program of ours. Hold it with `await using`: it receives SIGTERM, and is killed if it
 * has not ended after 10 s.
 */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** Lines of standard output and standard error as they arrive. */
  readonly lines: readonly string[];
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  signal(name: NodeJS.Signals): void;
}

/** Runs a file of the checkout with Node. It dies with the test process, however that ends. */
export function startProgram(
  file: string,
  args: readonly string[],
  env: Record<string, string | undefined> = {},
): Program {
  const child = spawn(process.execPath, [...nodeFlags(file), `${checkout}${file}`, ...args], {
    cwd: checkout,
    env: childEnvironment({
      ...nodeEnvironment(file),
      MILLRACE_LOG_FORMAT: "json",
      DATABASE_URL: undefined,
      ...env,
      MILLRACE_PARENT_FD: "3",
    }) as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const ended = once(child, "exit").then(([code, signal]) => signal ?? code);
  for (const stream of [child.stdout!, child.stderr!])
    collectLines(stream.setEncoding("utf8"), lines);
  child.stdio[3]?.on("error", () => {});
  return {
    pid: child.pid!,
    lines,
    ended,
    signal: (name) => void child.kill(name),
    async [Symbol.asyncDispose]() {
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      if (isRunning(child)) child.kill("SIGTERM");
      await ended;
      clearTimeout(timer);
    },
  };
}

const isRunning = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode === null && signalCode === null;

function collectLines(stream: NodeJS.ReadableStream, lines: string[]): void {
  let rest = "";
  stream.on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
  });
}

/** A service that listens. */
export interface Service extends Program {
  readonly port: number;
  /** "http://127.0.0.1:port". */
  readonly url: string;
}

/** Records of tests have fixed times, and so become older. */
const anyAge = { MILLRACE_MAX_AGE: "unlimited" };

/**
 * Starts an accessor and waits until it listens; on any free port if none is given. Its feeds
 * report quickly that nothing is new.
 */
export function startAccessor(
  databaseUrl: string,
  { port = 0 }: { port?: number } = {},
): Promise<Service> {
  const flags = ["--listen", `127.0.0.1:${port}`, "--bookmark-interval", "100ms"];
  return listening(
    startProgram("accessor/main.ts", flags, { DATABASE_URL: databaseUrl, ...anyAge }),
  );
}

/**
 * Starts a gateway in front of an accessor and waits until it listens; on any free port unless a
 * flag sets it.
 */
export function startGateway(accessorUrl: string, ...flags: string[]): Promise<Service> {
  const listen = flags.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  return listening(
    startProgram("gateway/main.ts", [...listen, "--accessor", accessorUrl, ...flags]),
  );
}

/** Starts a producer; it connects by itself. */
export function startProducer(accessorUrl: string, ...flags: string[]): Program {
  return startProgram("producer/main.ts", ["--accessor", accessorUrl, ...flags]);
}

/** The first log line with a port has the right one. */
export async function listening(program: Program): Promise<Service> {
  let over: unknown;
  void program.ended.then((how) => {
    over = how;
  });
  const port = await eventually(
    "it listens",
    () => {
      if (over !== undefined) throw new Error(`ended with ${over}:\n${program.lines.join("\n")}`);
      return program.lines.map(portOf).find((found) => found !== undefined);
    },
    // A new database is migrated first, possibly on a busy machine.
    { withinMs: 45_000 },
  );
  return { ...program, port, url: `http://127.0.0.1:${port}` };
}

function portOf(line: string): number | undefined {
  return Number(/"port":(\d+)/.exec(line)?.[1]) || undefined;
}
