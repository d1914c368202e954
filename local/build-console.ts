// Has the console built while the other parts start. Without it, everything but the console runs.
import { startChild } from "./child.ts";

export type BuildConsoleOptions = {
  /** Path of the checkout, with a slash at its end. */
  checkout: string;
  say: (line: string) => void;
  abort: AbortSignal;
};

/** Resolves when the console is built, or cannot be: then it has said why. */
export async function buildConsole({ checkout, say, abort }: BuildConsoleOptions): Promise<void> {
  const problems: string[] = [];
  const worker = startChild({
    command: process.execPath,
    args: [`${checkout}tools/build-console.ts`],
    onOutput: (line) => line.includes("built already") || say(line),
    onError: (line) => void problems.push(line),
  });
  const stop = () => void worker.stop(500);
  abort.addEventListener("abort", stop, { once: true });
  const how = await worker.ended;
  abort.removeEventListener("abort", stop);
  if (how === "ended with code 0" || abort.aborted) return;
  for (const line of problems.slice(-20)) say(line);
  say(`the console could not be built (${how}); the rest runs without it`);
}
