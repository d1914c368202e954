// The record of a round: every operation of every client and every fault as a line of JSON, and
// every violation that was found.
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

export type Operation = {
  who: string;
  what: string;
  /** The outcome of a client's operation: unknown means that it may or may not have happened. */
  how?: "invoked" | "ok" | "failed" | "unknown";
} & Record<string, unknown>;

export type RoundRecord = {
  readonly folder: string;
  /** Violations by the system, in words. Empty in a good round. */
  readonly violations: string[];
  note(operation: Operation): void;
  violation(text: string): void;
  flush(): void;
};

const maxViolations = 50;

export function openRecord(folder: string): RoundRecord {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "operations.jsonl");
  const startMs = performance.now();
  const violations: string[] = [];
  let lines: string[] = [];
  const flush = () => {
    if (lines.length > 0) appendFileSync(path, lines.join(""));
    lines = [];
  };
  const note = (operation: Operation) => {
    const atMs = Math.round(performance.now() - startMs);
    lines.push(
      `${JSON.stringify({ atMs, ...operation }, (_, value) => (typeof value === "bigint" ? Number(value) : value))}\n`,
    );
    if (lines.length >= 1_000) flush();
  };
  return {
    folder,
    violations,
    note,
    violation(text) {
      note({ who: "oracle", what: "violation", text });
      if (violations.length < maxViolations) violations.push(text);
    },
    flush,
  };
}
