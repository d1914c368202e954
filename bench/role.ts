// A part of the bench in a process of its own: reads commands as JSON lines from its standard
// input, and writes answers to its standard output.
import { createInterface } from "node:readline";

// biome-ignore lint/suspicious/noExplicitAny: what goes over is the caller's and the command's business
export type Command = (given: any) => Promise<unknown> | unknown;

/**
 * Serves commands, one at a time, until the parent closes the pipe; then releases everything that
 * would keep the process alive.
 */
export async function serveCommands(
  commands: Readonly<Record<string, Command>>,
  end: Command,
): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { name, given } = JSON.parse(line) as { name: string; given: unknown };
    const answer = await Promise.resolve()
      .then(() => commands[name]!(given))
      .then(
        (result) => ({ result: result ?? null }),
        (error: unknown) => ({
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
      );
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await end(null);
}
