// Query parameters: declared with their documentation, and read with specific errors.
import type { DescEnum, EnumShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { machineNameFault, readMachineName } from "../../codec/machine-name.ts";
import { durationForms, durationPattern, parseDuration } from "../../codec/row/duration.ts";
import { isMisencoded } from "../../codec/row/text-bytes.ts";
import { isRelativeTime, readTime, timeForms } from "../../codec/row/time.ts";
import { TimeFault } from "../../codec/row/time-fault.ts";
import { invalidField, reasonError } from "../errors/reasons.ts";
import { fromWord, wordsOf } from "./words.ts";

/**
 * One parameter. `read` gets all given values (at least one), and throws a ConnectError that names
 * the parameter.
 */
export type Parameter<T> = {
  readonly doc: string;
  /** As in OpenAPI. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly read: (texts: readonly string[], context: { name: string; nowUs: bigint }) => T;
};

export type Parameters = Readonly<Record<string, Parameter<unknown>>>;
export type ValuesOf<P extends Parameters> = {
  readonly [K in keyof P]: (P[K] extends Parameter<infer T> ? T : never) | undefined;
};

/** A resolved time; `relative` if it depends on the time of the request. */
export type ResolvedTime = { us: bigint; relative: boolean };

export const textParameter = (doc: string): Parameter<string> => ({
  doc,
  schema: { type: "string" },
  read: (texts, { name }) => single(texts, name),
});

/** Repeated, or one list with commas. */
export const listParameter = (doc: string): Parameter<string[]> => ({
  doc: `${doc} May be repeated, or a list with commas.`,
  schema: { type: "array", items: { type: "string", minLength: 1 } },
  read: (texts, { name }) => split(texts, name),
});

/**
 * Names of machines. Throws MACHINE_NAME_INVALID for an invalid name. A comma within a name is
 * written after a backslash, so that lists with commas stay lists however they are encoded.
 */
export const machinesParameter = (doc: string): Parameter<string[]> => ({
  doc: `${doc} May be repeated, or a list with commas; a comma within a name is written \\, and a backslash \\\\.`,
  schema: { type: "array", items: { type: "string", minLength: 1 } },
  read: (texts, { name: field }) =>
    itemsOf(texts, { of: field, split: splitNames }).map((text) => {
      const name = readMachineName(text);
      if (name !== undefined) return name;
      const hint = texts.some((one) => one.includes(","))
        ? "; a comma within a name is written \\,"
        : "";
      const description = machineNameFault(text) + hint;
      throw reasonError("MACHINE_NAME_INVALID", Code.InvalidArgument, description, {
        metadata: { machine: text.slice(0, 200).toWellFormed() },
        fields: [{ field, description }],
      });
    }),
});

/** Splits a list at commas; a comma or a backslash after a backslash is part of a name. */
export function splitNames(list: string): string[] {
  const names = [];
  let name = "";
  for (const [piece] of list.matchAll(/\\[\\,]|[^\\,]+|[\\,]/g)) {
    if (piece !== ",") {
      name += piece.replace(/^\\([\\,])$/, "$1");
      continue;
    }
    names.push(name);
    name = "";
  }
  return [...names, name].filter((one) => one !== "");
}

/** Words of an enum, in any case. */
export const wordsParameter = <D extends DescEnum>(
  desc: D,
  doc: string,
): Parameter<EnumShape<D>[]> => ({
  doc: `${doc} May be repeated, or a list with commas.`,
  schema: { type: "array", items: { type: "string", enum: wordsOf(desc) } },
  read: (texts, { name }) =>
    split(texts, name).map((word) => {
      const value = fromWord(desc, word);
      if (value !== undefined) return value;
      throw invalidField(name, `${quote(word)} is not one of ${wordsOf(desc).join(", ")}`);
    }),
});

/** One word of an enum, in any case. */
export const wordParameter = <D extends DescEnum>(
  desc: D,
  doc: string,
): Parameter<EnumShape<D>> => ({
  doc,
  schema: { type: "string", enum: wordsOf(desc) },
  read(texts, { name }) {
    const text = single(texts, name);
    const value = fromWord(desc, text);
    if (value !== undefined) return value;
    throw invalidField(name, `${quote(text)} is not one of ${wordsOf(desc).join(", ")}`);
  },
});

/**
 * A time zone. No name has a space, but some have a plus, which becomes a space in an unescaped
 * query string.
 */
export const zoneParameter = (doc: string): Parameter<string> => ({
  ...textParameter(doc),
  read: (texts, { name }) => single(texts, name).replaceAll(" ", "+"),
});

/** One of some words, in any case. */
export const choiceParameter = <W extends string>(
  words: readonly W[],
  doc: string,
): Parameter<W> => ({
  doc,
  schema: { type: "string", enum: [...words] },
  read(texts, { name }) {
    const text = single(texts, name);
    const word = words.find((one) => one === text.toLowerCase());
    if (word !== undefined) return word;
    throw invalidField(name, `${quote(text)} is not one of ${words.join(", ")}`);
  },
});

export const flagParameter = (doc: string): Parameter<boolean> => ({
  doc,
  schema: { type: "boolean" },
  read(texts, { name }) {
    const text = single(texts, name);
    if (text === "true" || text === "false") return text === "true";
    throw invalidField(name, `${quote(text)} is neither true nor false`);
  },
});

/** A whole number of 32 bits; the accessor checks further limits. */
export const countParameter = (doc: string): Parameter<number> => ({
  doc,
  schema: { type: "integer", minimum: 0, maximum: 2 ** 31 - 1 },
  read(texts, { name }) {
    const text = single(texts, name);
    if (/^\d{1,10}$/.test(text) && Number(text) < 2 ** 31) return Number(text);
    throw invalidField(name, `${quote(text)} is not a whole number`);
  },
});

const invalid = "TIME_RANGE_INVALID";

export const timeParameter = (doc: string): Parameter<ResolvedTime> => ({
  doc: `${doc} ${timeForms}.`,
  schema: { type: "string" },
  read(texts, { name, nowUs }) {
    const text = single(texts, name);
    // Numbers before 1990 are refused, as in rows. 0 can only mean the beginning.
    const us = readTime(text, { nowUs, epoch: text === "0" ? "ms" : undefined });
    if (us instanceof TimeFault) throw invalidField(name, `${quote(text)} ${us.inQuery}`, invalid);
    return { us, relative: isRelativeTime(text) };
  },
});

/** A duration, in microseconds. */
export const durationParameter = (doc: string): Parameter<bigint> => ({
  doc: `${doc} Expected: ${durationForms}.`,
  schema: { type: "string", pattern: durationPattern },
  read(texts, { name }) {
    const text = single(texts, name);
    const us = parseDuration(text);
    if (us !== undefined) return us;
    throw invalidField(name, `${quote(text)} is not a duration; expected ${durationForms}`);
  },
});

/**
 * Reads a query string. Throws for a parameter that is not declared; the error lists the declared
 * ones.
 */
export function readQuery<P extends Parameters>(
  parameters: P,
  query: string,
  nowUs: bigint,
): ValuesOf<P> {
  const given = new URLSearchParams(query);
  const known = Object.keys(parameters);
  for (const name of given.keys()) {
    if (Object.hasOwn(parameters, name)) continue;
    const allowed = known.length > 0 ? `known are ${known.join(", ")}` : "this route has none";
    throw invalidField(name.slice(0, 80), `unknown parameter; ${allowed}`);
  }
  // Replacement characters for unreadable bytes must not be stored or looked up as if they had been
  // sent.
  const [misread] = isMisencoded(query) ? query.split("&").filter(isMisencoded) : [];
  if (misread !== undefined) {
    const [name = ""] = new URLSearchParams(misread).keys();
    throw invalidField(name.slice(0, 80), "its percent-encoded bytes are not UTF-8");
  }
  const values = known.map((name) => {
    const texts = given.getAll(name);
    return [name, texts.length > 0 ? parameters[name]!.read(texts, { name, nowUs }) : undefined];
  });
  return Object.fromEntries(values);
}

function single(texts: readonly string[], name: string): string {
  if (texts.length > 1) throw invalidField(name, "given more than once");
  return texts[0]!;
}

const split = (texts: readonly string[], name: string): string[] =>
  itemsOf(texts, { of: name, split: (text) => text.split(",").filter((item) => item !== "") });

/**
 * Reads the items of all given values. A value without an item is refused: a filter that was left
 * empty, or whose variable is not set, would otherwise select everything.
 */
export function itemsOf(
  texts: readonly string[],
  { of, split }: { of: string; split: (text: string) => string[] },
): string[] {
  return texts.flatMap((text) => {
    const items = split(text);
    if (items.length === 0)
      throw invalidField(of, "is empty: name at least one, or leave the parameter out");
    return items;
  });
}

const quote = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
