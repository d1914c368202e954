// Reads a service's command and health check from compose.yaml; the image must be able to run them.
import { readFileSync } from "node:fs";

const text = readFileSync(new URL("../../compose.yaml", import.meta.url), "utf8");

export type ComposedService = { command: string[]; healthcheck: string[] | undefined };

/** Both are written on one line each, as a list in brackets. */
export function composedService(name: string): ComposedService {
  const section = new RegExp(`^  ${name}:\\n((?:    .*\\n|\\n)*)`, "m").exec(text)?.[1];
  if (section === undefined) throw new Error(`compose.yaml has no service ${name}`);
  const command = /^ {4}command: \[(.*)\]$/m.exec(section)?.[1];
  if (command === undefined) throw new Error(`compose.yaml: ${name} has no command on one line`);
  const test = /^ {6}test: \[CMD, (.*)\]$/m.exec(section)?.[1];
  return { command: wordsOf(command), healthcheck: test === undefined ? undefined : wordsOf(test) };
}

const wordsOf = (list: string): string[] =>
  list.split(", ").map((word) => word.replaceAll('"', ""));
