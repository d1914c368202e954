// Lines of NDJSON as rows.

import { type Line, tooLong } from "./text-lines.ts";
import { UnreadableText } from "./unreadable.ts";

/**
 * No row has this many parts, texts included. A line of 1 MiB of parts takes up to 0.1 s to parse.
 */
const maxParts = 10_000;
const [comma, bracket, brace] = [44, 91, 123];

export type LineRow = {
  /** The line that it begins on. */
  line: number;
  /** The parsed value: a row of named fields if it is an object. */
  row: unknown;
};

/**
 * The row of a line; undefined if the line is blank. `timePaths`: the members that are times, by
 * their path; default "time".
 */
export function readJsonLine(
  { number, text }: Line,
  { timePaths = ["time"] }: { timePaths?: readonly string[] | undefined } = {},
): LineRow | undefined {
  if (text === undefined) return { line: number, row: new UnreadableText(tooLong) };
  const json = number === 1 ? text.replace(/^\uFEFF/, "") : text;
  if (json.trim() === "") return undefined;
  if (hasTooManyParts(json))
    return {
      line: number,
      row: new UnreadableText(`not a row: more than ${maxParts} commas and opening brackets`),
    };
  // Faults are reported by line, without a stack, and capturing one costs more than the parsing.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return { line: number, row: withExactTime(JSON.parse(json), json, timePaths) };
  } catch (error) {
    const hint = /\}\s*,\s*$/.test(json)
      ? ": a comma after the object: NDJSON has one object per line and no comma behind it"
      : "";
    const message = `not JSON: ${(error as Error).message}${hint}`;
    return { line: number, row: new UnreadableText(message) };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * A numeric time is read from its digits: a double would round nanoseconds and fractions of a
 * millisecond first.
 */
function withExactTime(row: unknown, json: string, timePaths: readonly string[]): unknown {
  const paths = timePaths.filter((path) => {
    const time = memberAt(row, path);
    return typeof time === "number" && !Number.isSafeInteger(time);
  });
  if (paths.length === 0) return row;
  const names = new Set(paths.flatMap((path) => [path, path.slice(path.lastIndexOf(".") + 1)]));
  return JSON.parse(json, function (this: unknown, name, value, context?: { source?: string }) {
    const digits = names.has(name) && typeof value === "number" ? context?.source : undefined;
    // With an exponent, the text does not have all digits of the number.
    return digits !== undefined && /^-?\d+(?:\.\d+)?$/.test(digits) ? digits : value;
  });
}

/** A member by its name or its path. */
function memberAt(row: unknown, path: string): unknown {
  if (typeof row !== "object" || row === null) return undefined;
  if (Object.hasOwn(row, path)) return (row as Record<string, unknown>)[path];
  const cut = path.indexOf(".");
  if (cut === -1) return undefined;
  return memberAt((row as Record<string, unknown>)[path.slice(0, cut)], path.slice(cut + 1));
}

function hasTooManyParts(text: string): boolean {
  if (text.length <= maxParts) return false;
  let parts = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === comma || code === bracket || code === brace) parts++;
  }
  return parts > maxParts;
}
