// The route table as an OpenAPI 3.1 document.
import { requirementOf } from "../../access/matrix.ts";
import { permissionOf, type Route } from "./call.ts";
import { type Format, mediaTypeOf } from "./formats.ts";
import type { Schema } from "./schema-parts.ts";
import { schemaOf, schemas } from "./schemas.ts";

export type OpenApi = {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Schema>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly securitySchemes: Schema;
  };
} & Schema;

/** If an accessor requires no credential (`--auth off`), neither is needed. */
const securitySchemes = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "A key (`mr_…`) or a JSON Web Token, where authentication is on.",
  },
  apiKey: {
    type: "apiKey",
    in: "header",
    name: "x-api-key",
    description: "A key (`mr_…`), where authentication is on.",
  },
};

/** The scope that a route needs; undefined if it is for everyone. */
export function scopeOf(route: Route): string | undefined {
  const permission = permissionOf(route);
  const needed = permission === undefined ? undefined : requirementOf(permission);
  return needed === "none" ? undefined : needed;
}

/** Paths are relative to the document's own URL, so it is valid for any host. */
export function toOpenApi(routes: readonly Route[]): OpenApi {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: toOperation(route) };
  }
  return {
    openapi: "3.1.0",
    jsonSchemaDialect: "https://spec.openapis.org/oas/3.1/dialect/base",
    info: {
      title: "Millrace",
      version: "v1",
      description:
        "Machine signals: history, aggregates and live feeds. HEAD is supported wherever GET is.",
    },
    servers: [{ url: "/" }],
    paths,
    components: { schemas, securitySchemes },
  };
}

function toOperation(route: Route): Schema {
  const { method, path, summary, doc, takes } = route;
  const scope = scopeOf(route);
  return {
    operationId: operationId(method, path),
    summary,
    description: doc,
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)],
    ...(takes && {
      requestBody: {
        required: true,
        content: mapValues(takes, ({ schema, example }) => ({ schema, example })),
      },
    }),
    security: scope === undefined ? [] : [{ bearer: [scope] }, { apiKey: [scope] }],
    responses: {
      "200": {
        description: "The requested data.",
        ...answerHeaders(route),
        content: answerContent(route),
      },
      ...(route.cache && {
        "304": {
          description:
            "The response named by If-None-Match is still current, as of Millrace-Cursor.",
          headers: keptHeaders,
        },
      }),
      ...(scope !== undefined && {
        "401": {
          description: "The credential is missing or not valid.",
          ...challenge,
          ...problem,
        },
        "403": { description: `The credential does not have the scope ${scope}.`, ...problem },
      }),
      "429": {
        description:
          "A limit of this client, or of all clients together, is reached: try again after Retry-After.",
        ...refusal(quotaHeaders),
      },
      "503": { description: "Temporarily unavailable: try again after Retry-After.", ...refusal() },
      ...Object.fromEntries(
        (route.alsoAnswers ?? []).map((status) => [
          status,
          { ...refusal(), description: "The reason.", content: answerContent(route) },
        ]),
      ),
      default: { description: "The problem.", ...problem },
    },
  };
}

const problem = { content: { "application/problem+json": { schema: schemaOf("Problem") } } };
const challenge = {
  headers: {
    "WWW-Authenticate": { description: "How to authenticate.", schema: { type: "string" } },
  },
};
const quotaHeaders = {
  "RateLimit-Policy": {
    description: "The quotas of this client, if there are limits.",
    schema: { type: "string" },
  },
  RateLimit: { description: "What is left of each quota.", schema: { type: "string" } },
};
const refusal = (headers: Schema = {}): Schema => ({
  headers: {
    "Retry-After": { description: "Seconds to wait.", schema: { type: "integer", minimum: 1 } },
    ...headers,
  },
  ...problem,
});

/** "getSignalsTypeLatest". */
const operationId = (method: string, path: string) =>
  method.toLowerCase() +
  path.replace(/[^a-z]+([a-z])/g, (_, letter: string) => letter.toUpperCase()).replace(/\W/g, "");

const pathParameters = ({ path, pathDoc = {} }: Route): Schema[] =>
  Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: pathDoc[name],
    schema: { type: "string" },
  }));

const queryParameters = ({ query, required = [] }: Route): Schema[] =>
  Object.entries(query).map(([name, { doc, schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    description: doc,
    schema,
  }));

const keptHeaders: Schema = {
  ETag: {
    description:
      "Of JSON: identifies this response, its query, and which machines the caller may see.",
    schema: { type: "string" },
  },
  "Cache-Control": { description: "Of JSON: private, no-cache.", schema: { type: "string" } },
};

function headerParameters({ formats, method, cache }: Route): Schema[] {
  const header = (name: string, description: string) => ({
    name,
    in: "header",
    description,
    schema: { type: "string" },
  });
  if (cache)
    return [
      header(
        "If-None-Match",
        "An ETag of an earlier response: 304 if it is still current. JSON only.",
      ),
    ];
  if (formats.includes("sse"))
    return [header("Last-Event-ID", "The id of the last event seen: start after it.")];
  if (method === "POST")
    return [
      header(
        "Idempotency-Key",
        "The same body is stored once, however often it is sent with this key.",
      ),
    ];
  return [];
}

const cutHeader: Schema = {
  description:
    "Of NDJSON and CSV with a limit: whether rows are left out. unknown, with a limit above 10,000: rows may be left out if there are as many as the limit.",
  schema: { type: "string", enum: ["true", "false", "unknown"] },
};

function answerHeaders({ query, formats, cache }: Route): { headers?: Schema } {
  const header = (description: string) => ({ description, schema: { type: "string" } });
  const headers = {
    ...(cache && {
      ...keptHeaders,
      Age: {
        description: "Of JSON: seconds since the response was computed.",
        schema: { type: "integer" },
      },
    }),
    ...("page_token" in query && { Link: header('The next page, rel="next".') }),
    ...(formats.includes("csv") && {
      "Millrace-Cursor": header(
        "Of NDJSON and CSV: the cursor up to which the response is complete.",
      ),
      ...("limit" in query && { "Millrace-Cut": cutHeader }),
      "Content-Disposition": header("Of NDJSON and CSV: a file name."),
    }),
  };
  return Object.keys(headers).length > 0 ? { headers } : {};
}

const answerContent = ({ formats, answer }: Route): Schema =>
  Object.fromEntries(formats.map((format) => [mediaTypeOf(format), contentOf(format, answer)]));

function contentOf(format: Format, { json = {}, line = {}, csv = "" }: Route["answer"]): Schema {
  if (format === "json") return { schema: json };
  // OpenAPI 3.1 has no schema for a sequence, so this is the schema of each line.
  if (format === "ndjson") return { schema: { ...line, description: "Of each line." } };
  if (format === "csv") return { schema: { type: "string" }, example: `${csv}\n` };
  return { schema: { type: "string" } };
}

const mapValues = <T, U>(
  table: Readonly<Record<string, T>>,
  map: (value: T) => U,
): Record<string, U> =>
  Object.fromEntries(Object.entries(table).map(([key, value]) => [key, map(value)]));
