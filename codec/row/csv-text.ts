// CSV as RFC 4180 has it, except that lines end in LF alone, as most tools write them.
import type { Json } from "./json-text.ts";

/**
 * One line: numbers as in JSON; an empty cell for an absent value, or for a number that is not
 * finite. `safe`: no spreadsheet takes a cell for a formula.
 */
export function toCsvLine(values: readonly Json[], { safe = false } = {}): string {
  return `${values.map((value) => toField(value, safe)).join(",")}\n`;
}

function toField(value: Json, safe: boolean): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number" && !Number.isFinite(value)) return "";
  if (Object.is(value, -0)) return "-0";
  return toCsvText(safe && typeof value === "string" ? toSafeText(value) : String(value));
}

/**
 * A text, in quotes if it needs them. Blanks at its ends need them: readers trim fields without
 * quotes.
 */
export const toCsvText = (text: string): string =>
  /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

// What Excel, LibreOffice and Google Sheets take for the beginning of a formula, wide forms
// included; white space before it is skipped by some.
const formula = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]/;
const number = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * A text that no spreadsheet evaluates: one that would be a formula gets an apostrophe in front, as
 * OWASP advises. A text that is a number stays a number.
 */
export const toSafeText = (text: string): string =>
  formula.test(text) && !number.test(text) ? `'${text}` : text;
