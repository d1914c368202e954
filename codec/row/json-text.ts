// JSON text in which numbers survive: JSON.stringify writes -0 as 0 and NaN as null.

/**
 * What can be written; undefined members are left out. Any iterable object is written as an array.
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
 * Writes JSON. Any parser of doubles reads finite numbers back bit for bit, including -0. A number
 * that is not finite is null, or left out if it is a member: readers expect a number there, never a
 * text. 64-bit integers (bigint) are decimal strings, as in protobuf's JSON.
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

/** Whether a value is an array, or would be written as one. */
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
