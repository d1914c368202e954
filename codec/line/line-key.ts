// The first part of a line of line protocol: measurement and tags, with their escapes.
import { LineFault } from "./line-fault.ts";

/** Measurement and tags of a line; tags in the order in which it has them. */
export type LineKey = { readonly measurement: string; readonly tags: ReadonlyMap<string, string> };

/** More tags than any source has. */
const maxTags = 256;

/** Reads "measurement,tag=value,…", as it is in the line: with its escapes. */
export function readLineKey(key: string): LineKey | LineFault {
  const [head = "", ...rest] = splitUnescaped(key, ",");
  if (head === "") return new LineFault("the measurement is missing");
  if (rest.length > maxTags) return new LineFault(`more than ${maxTags} tags`);
  const tags = new Map<string, string>();
  for (const part of rest) {
    const [name = "", value, ...more] = splitUnescaped(part, "=");
    if (name === "" || value === undefined || value === "" || more.length > 0)
      return new LineFault(
        `tag ${shown(part)}: expected name=value, with "\\" before a comma, a blank or "=" in it`,
      );
    const tag = withoutEscapes(name);
    if (tags.has(tag)) return new LineFault(`tag ${shown(tag)} is given twice`);
    tags.set(tag, withoutEscapes(value));
  }
  return { measurement: withoutEscapes(head), tags };
}

/** Cuts at a character that has no "\" before it. */
export function splitUnescaped(text: string, at: string): string[] {
  if (!text.includes("\\")) return text.split(at);
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === at) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** A "\" before a comma, a blank or "=" escapes it; before anything else it is a character. */
export const withoutEscapes = (text: string): string =>
  text.includes("\\") ? text.replace(/\\([,= ])/g, "$1") : text;

/** A part of a line, for a message. */
export const shown = (text: string): string =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
