// Programs in a container of the image: started as in compose.yaml, waited for, and stopped as an
// engine does.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { childEnvironment } from "../../runtime/config.ts";
import { eventually } from "../../test/testing/eventually.ts";
import type { Buildah } from "./buildah.ts";

/** Disposing of it kills the processes that still run. */
export type Running = AsyncDisposable & {
  readonly lines: readonly string[];
  /** The port in its log. */
  port(): Promise<number>;
  /** Sends SIGTERM to the program; resolves with its exit code when it has ended. */
  stop(): Promise<number | NodeJS.Signals>;
};

export type Container = {
  start(command: readonly string[], env?: Record<string, string>): Running;
  /** Runs a command to its end; returns its exit code. */
  run(command: readonly string[]): Promise<number>;
};

export async function openContainer(buildah: Buildah, image: string): Promise<Container> {
  const name = await buildah.call("from", image);
  const launch = (command: readonly string[], env: Record<string, string>): ChildProcess => {
    const [program = "", ...args] = buildah.running(name, command, env);
    const parent = childEnvironment({}) as NodeJS.ProcessEnv;
    return spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: parent });
  };
  return {
    start: (command, env = {}) => watch(launch(command, { MILLRACE_LOG_FORMAT: "json", ...env })),
    async run(command) {
      const child = launch(command, {});
      child.stdout?.resume();
      child.stderr?.resume();
      const [code] = await once(child, "exit");
      return code;
    },
  };
}

function watch(child: ChildProcess): Running {
  const lines: string[] = [];
  for (const stream of [child.stdout!, child.stderr!])
    stream
      .setEncoding("utf8")
      .on("data", (text: string) => lines.push(...text.split("\n").filter(Boolean)));
  const ended: Promise<number | NodeJS.Signals> = once(child, "exit").then(
    ([code, signal]) => signal ?? code,
  );
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const said = () => lines.join("\n").slice(-2_000);
  return {
    lines,
    port: () =>
      eventually("it listens", () => {
        if (!isRunning()) throw new Error(`it ended: ${said()}`);
        return (
          Number(lines.map((line) => /"port":(\d+)/.exec(line)?.[1]).find(Boolean)) || undefined
        );
      }),
    async stop() {
      const pid = programBelow(child.pid!);
      if (pid !== undefined) process.kill(pid, "SIGTERM");
      return ended;
    },
    async [Symbol.asyncDispose]() {
      if (!isRunning()) return;
      const pid = programBelow(child.pid!);
      if (pid !== undefined) process.kill(pid, "SIGKILL");
      else child.kill("SIGKILL");
      await ended;
    },
  };
}

/** buildah is the ancestor of the program that it runs, which is the last of the chain. */
function programBelow(pid: number): number | undefined {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]), Number(name));
    } catch {
      // It has ended meanwhile.
    }
  }
  let last = parents.get(pid);
  for (let next = last; next !== undefined; next = parents.get(next)) last = next;
  return last;
}
