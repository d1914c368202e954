// Reads numbers from the sources and from sentences, so that a test can compare the two. A number
// of the sources is identified by its file and its name there:
// "accessor/compact/step.ts#mergesPerStep", or "…#inRound.stop" for a member of an object.
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** The only number with this name in this file. Throws if there is none, or if two differ. */
export function sourceNumber(reference: string): number {
  const [path = "", name = ""] = reference.split("#");
  const text = read(path).replace(/\/\*[\s\S]*?\*\/|\/\/ .*$/gm, "");
  const [member = "", object] = name.split(".").reverse();
  const scope = object === undefined ? text : membersOf(text, object);
  const constant = new RegExp(`\\bconst ${member}(?:: number)? = ([^;]+)`, "g");
  const any = new RegExp(`\\b${member}(?:: number)?(?: =|:) ([^;,}]+)`, "g");
  const constants = [...scope.matchAll(constant)];
  const definitions = constants.length > 0 ? constants : [...scope.matchAll(any)];
  const values = definitions.flatMap(
    ([, source]) => amountIn(source!.trim(), { path, text }) ?? [],
  );
  const different = new Set(values);
  if (different.size !== 1)
    throw new Error(`${reference}: ${different.size} numbers have this name`);
  return values[0]!;
}

function membersOf(text: string, object: string): string {
  const begin = new RegExp(`\\b${object}(?:: [\\w<>, ]+)? = {`).exec(text);
  if (begin === null) throw new Error(`there is no object ${object}`);
  let depth = 0;
  for (let at = text.indexOf("{", begin.index); at < text.length; at++) {
    depth += Number(text[at] === "{") - Number(text[at] === "}");
    if (depth === 0) return text.slice(begin.index, at);
  }
  throw new Error(`the object ${object} has no end`);
}

type File = { path: string; text: string };

/** Evaluates sums of products of powers. Undefined for anything else, such as a type. */
function amountIn(source: string, file: File): number | undefined {
  const combine = (
    separator: string,
    of: (a: number, b: number) => number,
    next: Reader,
  ): Reader => {
    return (text) => {
      const parts = text.split(separator).map(next);
      return parts.reduce((a, b) => (a === undefined || b === undefined ? undefined : of(a, b)));
    };
  };
  const atom: Reader = (text) =>
    /^\d/.test(text) ? Number(text.replaceAll("_", "")) : named(text, file);
  const power = combine(" ** ", (a, b) => a ** b, atom);
  const product = combine(" * ", (a, b) => a * b, power);
  const value = combine(" + ", (a, b) => a + b, product)(source.replaceAll(/\s+/g, " "));
  return Number.isNaN(value) ? undefined : value;
}

type Reader = (text: string) => number | undefined;

/** A constant of the file, or one that it imports. */
function named(name: string, { path, text }: File): number | undefined {
  if (!/^\w+$/.test(name)) return undefined;
  if (new RegExp(`\\bconst ${name} = `).test(text)) return sourceNumber(`${path}#${name}`);
  const imported = new RegExp(`import [^;]*\\b${name}\\b[^;]* from "(\\.[^"]+)"`).exec(text);
  const from = imported && normalize(join(dirname(path), imported[1]!));
  return from ? sourceNumber(`${from}#${name}`) : undefined;
}

const units: Record<string, number> = {
  ms: 1,
  s: 1_000,
  second: 1_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
  MB: 1_000_000,
};

/** "4 MiB", "8,192", "2.5", "10 minutes": in bytes, milliseconds or pieces. */
export function amountOf(words: string): number {
  const [, digits = "", unit] = /^([\d,.]+)(?:(?:st|nd|rd|th)|\s+(\w+?)s?)?$/.exec(words) ?? [];
  const factor = unit === undefined ? 1 : (units[unit] ?? units[`${unit}s`]);
  if (digits === "" || factor === undefined)
    throw new Error(`"${words}" is not a number with a unit`);
  return Number(digits.replaceAll(",", "")) * factor;
}

/** A number of the sources in the units of `amountOf`: its name contains its unit. */
export function inUnits(reference: string): number {
  const value = sourceNumber(reference);
  if (/Us$/.test(reference)) return value / 1_000;
  if (/[a-z]S$|Seconds$/.test(reference)) return value * 1_000;
  return value;
}
