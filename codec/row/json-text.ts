// JSON text in which numbers survive: JSON.stringify writes -0 as 0 and NaN as null.

/**
 * What can be written; undefined members are left out. Whatever gives one thing after the other is
 * an array.
 */
export type Json =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Iterable<Json>
  | { readonly [key: string]: Json };

/**
 * Writes JSON. Finite numbers come back bit for bit from any parser of doubles, -0 too. What is no
 * finite number is null, and as a member it is left out: a text has no place where readers expect a
 * number. 64-bit integers (bigint) are decimal strings, as in protobuf's JSON.
 */
export function toJsonText(value: Json): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return numberText(value);
    case "bigint":
      return `"${value}"`;
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      return isList(value) ? arrayText(value) : objectText(value as { [key: string]: Json });
    default:
      return "null";
  }
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) return "null";
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Whether it is an array, or would be written as one. */
export const isList = (value: object): value is Iterable<Json> => Symbol.iterator in value;

function arrayText(values: Iterable<Json>): string {
  let text = "";
  for (const value of values) text += (text === "" ? "" : ",") + toJsonText(value);
  return `[${text}]`;
}

/** Whether a member of an object is written. */
export const isMember = (value: Json): boolean =>
  value !== undefined && (typeof value !== "number" || Number.isFinite(value));

function objectText(value: { readonly [key: string]: Json }): string {
  let text = "";
  for (const key in value) {
    const member = value[key];
    if (isMember(member))
      text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${toJsonText(member)}`;
  }
  return `{${text}}`;
}
