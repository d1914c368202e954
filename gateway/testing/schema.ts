// For tests: whether an answer is one that the OpenAPI document describes, and has no member that
// it does not describe.
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { OpenApi } from "../rest/openapi.ts";
import type { Schema } from "../rest/schema-parts.ts";

export type Answer = {
  method: string;
  path: string;
  status: number;
  contentType: string;
  text: string;
};

/**
 * Says what is wrong with answers of the paths of a document; "" if nothing is. Throws for a
 * document whose schemas do not compile.
 */
export function createAnswerCheck(document: OpenApi): (answer: Answer) => string {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    validateFormats: false,
  });
  const closed = close(document) as OpenApi;
  ajv.addVocabulary(["openapi", "info", "servers", "paths", "components", "jsonSchemaDialect"]);
  ajv.addSchema({ $id: "api", components: closed.components });
  const compiled = new Map<unknown, ValidateFunction>();
  const validate = (schema: Schema, value: unknown): string => {
    const known = compiled.get(schema) ?? ajv.compile(absolute(schema) as Schema);
    compiled.set(schema, known);
    return known(value) ? "" : ajv.errorsText(known.errors);
  };
  for (const schema of Object.values(closed.components.schemas)) validate(schema, undefined);

  return ({ method, path, status, contentType, text }) => {
    const operation = closed.paths[path]?.[method.toLowerCase()] as
      | { responses: Record<string, { content: Record<string, { schema: Schema }> }> }
      | undefined;
    if (!operation) return `no ${method} ${path} in the document`;
    const [type = ""] = contentType.split(";");
    const responses = [operation.responses[String(status)], operation.responses["default"]];
    const schema = responses
      .map((response) => response?.content[type]?.schema)
      .find((found) => found);
    if (!schema) return `${status} as ${type} is not in the document`;
    if (schema["type"] === "string") return "";
    const lines = type === "application/x-ndjson" ? text.split("\n").slice(0, -1) : [text];
    for (const line of lines) {
      const wrong = validate(schema, JSON.parse(line));
      if (wrong !== "") return `${wrong}: ${line.slice(0, 500)}`;
    }
    return "";
  };
}

/** Objects that list their members get no others; a Problem may have those of a refused POST. */
function close(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => close(item));
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, close(member, name)]),
  );
  const open =
    key === "Problem" ||
    key === "properties" ||
    !("properties" in copy) ||
    "additionalProperties" in copy;
  return open ? copy : { ...copy, additionalProperties: false };
}

function absolute(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(absolute);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [
    name,
    name === "$ref" ? `api${String(member)}` : absolute(member),
  ]);
  return Object.fromEntries(entries);
}
