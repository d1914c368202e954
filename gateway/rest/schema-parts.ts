// Building blocks of JSON Schemas (2020-12, as in OpenAPI 3.1).
export type Schema = { readonly [keyword: string]: unknown };

export const text = (description: string, more: Schema = {}): Schema => ({
  type: "string",
  description,
  ...more,
});
export const number = (description: string): Schema => ({ type: "number", description });
export const count = (description: string): Schema => ({
  type: "integer",
  minimum: 0,
  description,
});
export const time = (description: string): Schema =>
  text(`${description} RFC 3339, UTC, to the microsecond.`, { format: "date-time" });
export const list = (items: Schema, description?: string): Schema => ({
  type: "array",
  items,
  ...(description && { description }),
});
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
export const words = (values: readonly string[], description: string): Schema =>
  text(description, { enum: values });

/** A member whose name ends in "?" may be missing. */
export function object(members: Record<string, Schema>, more: Schema = {}): Schema {
  const properties = Object.fromEntries(
    Object.entries(members).map(([name, schema]) => [name.replace("?", ""), schema]),
  );
  return {
    type: "object",
    properties,
    required: Object.keys(members).filter((name) => !name.endsWith("?")),
    ...more,
  };
}

export const machine = text("Name of the machine, in Unicode NFC.", {
  minLength: 1,
  maxLength: 128,
});
export const cursor = text(
  "The cursor up to which the response is complete: watch after it to continue.",
);
export const echo = {
  "from?": time("Start of the range, as resolved."),
  "to?": time("Its end, exclusive."),
};
