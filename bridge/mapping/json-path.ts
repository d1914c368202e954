// Paths into a JSON document: $.a.b, $['a b'], $[0], and wildcards where several elements are
// meant. The part of JSONPath (RFC 9535) that names places; it has no filters and no scripts.

type Step = string | number | typeof wildcard;
const wildcard = Symbol("any member or element");

export type JsonPath = {
  /** "$": from the document; "@": from the element that `each` named. */
  readonly root: "$" | "@";
  readonly steps: readonly Step[];
};

/** What a path found, and the name or index of the last wildcard on the way. */
export type Found = { readonly value: unknown; readonly key: string };

const step =
  /\.([\p{L}_][\p{L}\p{N}_-]*)|\[(\d{1,9})\]|\['([^']*)'\]|\["([^"]*)"\]|(\.\*|\[\*\])/uy;

/** Whether a text is meant as a path: it begins with $ or @. */
export const looksLikePath = (text: string): boolean => /^[$@]/.test(text);

/** Reads a path; a text for people if it is not one. */
export function parsePath(
  text: string,
  { wildcards = false }: { wildcards?: boolean } = {},
): JsonPath | { readonly fault: string } {
  if (!looksLikePath(text)) return { fault: `a path begins with $, as in $.value` };
  const steps: Step[] = [];
  step.lastIndex = 1;
  while (step.lastIndex < text.length) {
    const at = step.lastIndex;
    const match = step.exec(text);
    if (match === null)
      return {
        fault: `not a path from "${text.slice(at, at + 20)}" on: write .name, ['a name'] or [0]`,
      };
    const [, name, index, single, double, any] = match;
    if (any !== undefined && !wildcards)
      return { fault: `a path to one value has no *: use "each" for several` };
    steps.push(
      any !== undefined
        ? wildcard
        : index !== undefined
          ? Number(index)
          : (name ?? single ?? double!),
    );
  }
  return { root: text[0] as "$" | "@", steps };
}

/** The value at a path without wildcards; undefined if there is none. */
export function readPath({ root, steps }: JsonPath, from: { $: unknown; "@": unknown }): unknown {
  let value = from[root];
  for (const one of steps) value = memberOf(value, one as string | number);
  return value;
}

/** Every place that a path with wildcards names, in the document's order. */
export function* expandPath({ steps }: JsonPath, document: unknown): Generator<Found> {
  yield* expand(steps, { value: document, key: "" });
}

function* expand(steps: readonly Step[], found: Found): Generator<Found> {
  const [first, ...rest] = steps;
  if (first === undefined) {
    yield found;
  } else if (first === wildcard) {
    for (const [key, value] of entriesOf(found.value)) yield* expand(rest, { value, key });
  } else {
    const value = memberOf(found.value, first);
    if (value !== undefined) yield* expand(rest, { value, key: found.key });
  }
}

function memberOf(value: unknown, key: string | number): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if (typeof key === "number") return Array.isArray(value) ? value[key] : undefined;
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === "object" && value !== null ? Object.entries(value) : [];
