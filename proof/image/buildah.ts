// Debian's buildah, which builds images and runs programs in them without an engine, with storage
// of its own.
import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { childEnvironment } from "../../runtime/config.ts";

const execute = promisify(execFile);
const patienceMs = 5 * 60_000;
const maxOutputBytes = 64 * 1024 * 1024;

/** Runs a program and returns its output. Rejects with the end of its error output if it fails. */
export async function outputOf(program: string, args: readonly string[]): Promise<string> {
  try {
    const options = {
      env: childEnvironment({}) as NodeJS.ProcessEnv,
      timeout: patienceMs,
      maxBuffer: maxOutputBytes,
    };
    return (await execute(program, args, options)).stdout.trim();
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    throw new Error(
      `${program} ${args.join(" ")} failed: ${stderr.trim().slice(-2_000) || message}`,
    );
  }
}

/** Images and containers in a folder that is removed with it. */
export type Buildah = AsyncDisposable & {
  readonly folder: string;
  /** One call of buildah; returns its output. */
  call(...args: string[]): Promise<string>;
  /**
   * The command line that runs another command in a container, as the image's user, on the host's
   * network.
   */
  running(container: string, command: readonly string[], env: Record<string, string>): string[];
};

export function openBuildah(): Buildah {
  const folder = mkdtempSync(join(tmpdir(), "millrace-image-"));
  const storage = [
    "--root",
    join(folder, "root"),
    "--runroot",
    join(folder, "run"),
    "--storage-driver",
    "vfs",
  ];
  return {
    folder,
    call: (...args) => outputOf("buildah", [...storage, ...args]),
    running: (container, command, env) => [
      "buildah",
      ...storage,
      "run",
      "--isolation",
      "chroot",
      ...Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      container,
      "--",
      ...command,
    ],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
