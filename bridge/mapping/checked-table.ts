// Reads a table of a mapping file field by field, and notes every mistake with its place.
import { unknownField } from "../../codec/row/fields.ts";
import { type JsonPath, looksLikePath, parsePath } from "./json-path.ts";
import { parseText, type TextTemplate } from "./templates.ts";

/**
 * Where a text comes from: the first of some paths into the document that has one, or words with
 * {names} in them.
 */
export type TextSource =
  | { readonly paths: readonly JsonPath[] }
  | { readonly template: TextTemplate; readonly fixed: boolean };

/** A table of the file. Each method reads one key; undefined if it is absent or a mistake. */
export type CheckedTable = {
  /** Whether the key is there; it counts as read. */
  has(key: string): boolean;
  text(key: string): string | undefined;
  texts(key: string): string[] | undefined;
  flag(key: string): boolean | undefined;
  words(key: string): ReadonlyMap<string, string> | undefined;
  path(key: string, options?: { wildcards?: boolean }): JsonPath | undefined;
  source(key: string, names: readonly string[]): TextSource | undefined;
  tables(key: string): CheckedTable[];
  table(key: string): CheckedTable | undefined;
  /** Notes a mistake of a key, or of the table as a whole. */
  mistake(key: string | undefined, what: string): void;
  /** Notes the keys that nothing read. */
  end(): void;
};

/** `at` names the place of the table: "topics[2]"; "" for the file itself. */
export function checkTable(
  raw: Readonly<Record<string, unknown>>,
  { at, mistakes }: { at: string; mistakes: string[] },
): CheckedTable {
  const read = new Set<string>();
  const placeOf = (key: string) => (at === "" ? key : `${at}.${key}`);
  const mistake = (key: string | undefined, what: string) => {
    const place = key === undefined ? at : placeOf(key);
    mistakes.push(place === "" ? what : `${place}: ${what}`);
  };
  function get<T>(key: string, expected: string, fits: (value: unknown) => value is T) {
    read.add(key);
    const value = raw[key];
    if (value === undefined) return undefined;
    if (fits(value)) return value;
    mistake(key, `${expected} is expected, not ${JSON.stringify(value)?.slice(0, 60)}`);
    return undefined;
  }
  const text = (key: string) => get(key, "a text in quotes", isText);
  function parsed<T extends object>(
    key: string,
    parse: (text: string) => T | { readonly fault: string },
  ): T | undefined {
    const given = text(key);
    if (given === undefined) return undefined;
    const result = parse(given);
    if (!("fault" in result)) return result;
    mistake(key, result.fault);
    return undefined;
  }
  const part = (value: Readonly<Record<string, unknown>>, key: string) =>
    checkTable(value, { at: placeOf(key), mistakes });
  return {
    has(key) {
      read.add(key);
      return raw[key] !== undefined;
    },
    text,
    texts: (key) => get(key, "a list of texts", isTexts),
    flag: (key) => get(key, "true or false", (value) => typeof value === "boolean"),
    words(key) {
      const table = get(key, 'a table of texts, as { RUN = "ACTIVE" },', isTable);
      if (table === undefined) return undefined;
      const wrong = Object.keys(table).find((word) => !isText(table[word]));
      if (wrong !== undefined) mistake(`${key}.${wrong}`, "a text in quotes is expected");
      return new Map(
        Object.entries(table).filter((entry): entry is [string, string] => isText(entry[1])),
      );
    },
    path: (key, options) => parsed(key, (given) => parsePath(given, options)),
    source: (key, names) =>
      parsed<TextSource>(key, (given) => {
        if (looksLikePath(given)) return parsePaths(given);
        const template = parseText(given, names);
        return "fault" in template ? template : { template, fixed: !given.includes("{") };
      }),
    tables: (key) =>
      (get(key, `tables, written [[${placeOf(key)}]],`, isTables) ?? []).map((one, i) =>
        checkTable(one, { at: `${placeOf(key)}[${i + 1}]`, mistakes }),
      ),
    table(key) {
      const one = get(key, `a table, written [${placeOf(key)}],`, isTable);
      return one === undefined ? undefined : part(one, key);
    },
    mistake,
    end() {
      const known = [...read];
      for (const key of Object.keys(raw))
        if (!read.has(key))
          mistake(undefined, unknownField(key, { of: "a key of this table", known }));
    },
  };
}

/** Paths with " | " between them. */
function parsePaths(text: string): TextSource | { readonly fault: string } {
  const paths: JsonPath[] = [];
  for (const one of text.split(" | ")) {
    const path = parsePath(one.trim());
    if ("fault" in path) return path;
    paths.push(path);
  }
  return { paths };
}

const isText = (value: unknown): value is string => typeof value === "string";
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
const isTables = (value: unknown): value is Record<string, unknown>[] =>
  Array.isArray(value) && value.every(isTable);
