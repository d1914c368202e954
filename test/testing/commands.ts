// Runs the commands that pages and `npm start` give to users, in a shell, as users do.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../../runtime/config.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The words of a command as a shell splits them: quotes are removed, and so is a comment at the
 * end.
 */
export function wordsOf(command: string): string[] {
  const words: string[] = [];
  for (const [part] of command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    if (part.startsWith("#")) break;
    words.push(part.replaceAll(/'([^']*)'|"([^"]*)"/g, "$1$2"));
  }
  return words;
}

export type OutputOptions = {
  /** Ends a command that streams once it has printed enough. Default: never. */
  enough?: ((text: string) => boolean) | undefined;
  withinMs?: number;
};

/**
 * The output of a command in the checkout. Fails if the command does, if a curl in it receives an
 * error, and after the timeout.
 */
export async function outputOf(
  command: string,
  { enough = () => false, withinMs = 20_000 }: OutputOptions = {},
): Promise<string> {
  const curl = 'curl() { command curl --silent --show-error --fail-with-body "$@"; }';
  // A process group of its own, which ends together with everything that the shell has started.
  const shell = spawn("bash", ["-c", `set -eo pipefail; ${curl}\n${command}`], {
    cwd: checkout,
    detached: true,
    env: childEnvironment({ PATH: `${checkout}node_modules/.bin:${childEnvironment({}).PATH}` }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => void process.kill(-shell.pid!, "SIGKILL");
  const timer = setTimeout(kill, withinMs);
  let [text, complaint, had] = ["", "", false];
  shell.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    if (had || !enough(text)) return;
    had = true;
    kill();
  });
  shell.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    complaint += chunk;
  });
  const [code, signal] = await once(shell, "close");
  clearTimeout(timer);
  if (code !== 0 && !had)
    throw new Error(`${command} ended with ${code ?? signal}: ${complaint || text}`);
  return text;
}
