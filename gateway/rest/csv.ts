// CSV as RFC 4180 has it, except that lines end in LF alone, as most tools write them.
import type { Json } from "./json.ts";

/** One line: numbers as in JSON, nothing for what there is not. */
export function toCsvLine(values: readonly Json[]): string {
  return `${values.map(toField).join(",")}\n`;
}

function toField(value: Json): string {
  if (value === undefined || value === null) return "";
  if (Object.is(value, -0)) return "-0";
  return toCsvText(String(value));
}

/** A text in quotes if it needs them. */
export const toCsvText = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
