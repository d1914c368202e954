// One child process: its output line by line, a pipe that tells it when we are gone, and a stop
// that always ends.
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { childEnvironment } from "../runtime/config.ts";
import { createLineSplitter } from "./output.ts";
import type { Worker } from "./supervisor.ts";

export interface ChildOptions {
  command: string;
  args: readonly string[];
  /**
   * Added to our environment; undefined takes a variable away. Secrets belong here, since others
   * can read arguments.
   */
  env?: Readonly<Record<string, string | undefined>>;
  /** Takes each line of standard output. */
  onOutput(line: string): void;
  /** Takes each line of standard error. */
  onError(line: string): void;
}

/**
 * Starts a child in a group of its own (a Ctrl-C at the terminal reaches only us), with
 * MILLRACE_PARENT_FD set.
 */
export function startChild({ command, args, env = {}, onOutput, onError }: ChildOptions): Worker {
  const child = spawn(command, args, {
    detached: true,
    env: childEnvironment({ ...env, MILLRACE_PARENT_FD: "3" }) as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const leash = child.stdio[3] as Socket;
  leash.on("error", () => {}).resume();
  for (const [stream, take] of [
    [child.stdout!, onOutput],
    [child.stderr!, onError],
  ] as const) {
    const lines = createLineSplitter(take);
    stream.on("data", lines.write).on("end", lines.end);
  }
  let hasEnded = false;
  const ended = new Promise<string>((resolve) => {
    const end = (how: string) => {
      hasEnded = true;
      leash.destroy();
      resolve(how);
    };
    child.once("error", (error) => end(`could not start: ${error.message}`));
    // Not "close": a grandchild that holds the output open must not hide the end of the child.
    child.once("exit", (code, signal) =>
      end(signal ? `was ended by ${signal}` : `ended with code ${code}`),
    );
  });
  return {
    ended,
    async stop(graceMs) {
      if (hasEnded || child.pid === undefined) return;
      const group = -child.pid;
      child.kill("SIGTERM");
      const timer = setTimeout(() => {
        try {
          process.kill(group, "SIGKILL");
        } catch {
          // The process has ended meanwhile, as intended.
        }
      }, graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
