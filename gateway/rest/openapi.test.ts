// The OpenAPI document: well formed, consistent with the table, and true for real answers; and the
// page made from the same table.
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { takeEverything } from "../testing/accessor.ts";
import { answerEverything, fullStatus, nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { answerMachines } from "../testing/machine-answers.ts";
import { createAnswerCheck } from "../testing/schema.ts";
import { examples } from "./docs-page.ts";
import { mediaTypeOf } from "./formats.ts";
import { type OpenApi, toOpenApi } from "./openapi.ts";
import { routes } from "./routes.ts";

let gateway: TestGateway;
let document: OpenApi;
beforeAll(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
  gateway.accessor.status.getStatus = fullStatus;
  gateway.accessor.signals = answerEverything();
  gateway.accessor.machines = answerMachines();
  gateway.accessor.ingest = takeEverything([]);
  document = (await gateway.ask("/openapi.json")).body as unknown as OpenApi;
});
afterAll(() => gateway[Symbol.asyncDispose]());

type Operation = {
  operationId: string;
  summary: string;
  security: object[];
  parameters: {
    name: string;
    in: string;
    required?: boolean;
    schema: object;
    description?: string;
  }[];
  responses: Record<string, { description: string; content: Record<string, unknown> }>;
};
const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method,
      ...(operation as unknown as Operation),
    })),
  );

test("every route is in the document, and nothing else", () => {
  const told = operations().map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect(told.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
});

test("it is what OpenAPI 3.1 asks for", () => {
  expect(document).toMatchObject({ openapi: "3.1.0", info: { title: "Millrace", version: "v1" } });
  const ids = operations().map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, operationId, summary, parameters, responses } of operations()) {
    expect(operationId).toMatch(/^[a-z][A-Za-z]+$/);
    expect(summary).not.toBe("");
    const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
    const declared = parameters.filter((parameter) => parameter.in === "path");
    expect(declared.map(({ name, required }) => [name, required])).toEqual(
      inPath.map((name) => [name, true]),
    );
    const keys = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { name, in: place, schema, description } of parameters) {
      expect(["path", "query", "header"]).toContain(place);
      expect([name, typeof schema, typeof description]).toEqual([name, "object", "string"]);
    }
    expect(Object.keys(responses)).toContain("default");
    for (const { description } of Object.values(responses)) expect(description).not.toBe("");
  }
});

test("it is valid by the meta-schema of OpenAPI 3.1, which finds what is not", async () => {
  const validator = new Validator();
  const plain = () => JSON.parse(JSON.stringify(document));
  expect(await validator.validate(plain())).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
  const broken = plain();
  broken.paths["/signals"].get.parameters[0].in = "nowhere";
  expect((await validator.validate(broken)).valid).toBe(false);
});

test("every operation says which scope it needs, by either kind of credential", () => {
  const { securitySchemes } = document.components;
  expect(securitySchemes).toMatchObject({
    bearer: { type: "http", scheme: "bearer" },
    apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
  });
  for (const { method, path, security, responses } of operations()) {
    const open = ["/", "/docs", "/openapi.json", "/healthz", "/readyz"].includes(path);
    const scopes: Record<string, string> = { "/metrics": "admin", "/signals/{type}/live": "live" };
    const scope = { post: "write", put: "admin", patch: "admin" }[method] ?? scopes[path] ?? "read";
    expect([path, security]).toEqual([
      path,
      open ? [] : [{ bearer: [scope] }, { apiKey: [scope] }],
    ]);
    expect(["401" in responses, "403" in responses]).toEqual([!open, !open]);
  }
});

test("every schema is valid JSON Schema 2020-12, and every reference leads somewhere", () => {
  const ajv = new Ajv2020();
  for (const schema of Object.values(document.components.schemas))
    expect(ajv.validateSchema(schema)).toBe(true);
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g);
  for (const [, name] of references)
    expect(Object.keys(document.components.schemas)).toContain(name);
  createAnswerCheck(document);
});

test("problems may have every reason of the contract", () => {
  const { properties } = document.components.schemas["Problem"] as {
    properties: { reason: { enum: string[] } };
  };
  const reasons = Object.keys(ErrorReason).filter(
    (key) => Number.isNaN(Number(key)) && key !== "UNSPECIFIED",
  );
  expect(properties.reason.enum).toEqual(reasons);
});

test.each(routes.flatMap((route) => route.formats.map((format) => ({ route, format }))))(
  "$route.method $route.path answers as it says, as $format",
  async ({ route, format }) => {
    const bodies = Object.entries(route.takes ?? { "": { example: undefined } });
    for (const [type, { example }] of bodies) {
      const response = await fetch(gateway.baseUrl + route.example, {
        method: route.method,
        headers: { accept: mediaTypeOf(format), ...(type && { "content-type": type }) },
        ...(type && { body: typeof example === "string" ? example : JSON.stringify(example) }),
      });
      const contentType = response.headers.get("content-type")!;
      const asked = type === "application/json" ? "json" : format;
      expect([response.status, contentType.split(";")[0]]).toEqual([200, mediaTypeOf(asked)]);
      const { method, path } = route;
      const answer = {
        method,
        path,
        status: response.status,
        contentType,
        text: await response.text(),
      };
      expect(createAnswerCheck(document)(answer)).toBe("");
      if (format === "csv") expect(answer.text.split("\n")[0]).toBe(route.answer.csv);
    }
  },
);

test("a member that the document does not have, or one that is missing, is noticed", () => {
  const check = createAnswerCheck(document);
  const answer = { method: "GET", path: "/machines", status: 200, contentType: "application/json" };
  expect(check({ ...answer, text: '{"machines":[],"next_page_token":""}' })).toBe("");
  expect(check({ ...answer, text: '{"machines":[],"next_page_token":"","more":1}' })).toContain(
    "additional",
  );
  expect(check({ ...answer, text: '{"machines":[]}' })).toContain("next_page_token");
  expect(check({ ...answer, contentType: "text/csv", text: "" })).toContain("not in the document");
});

test("the page has every route, parameter and shape, no script, and a policy that lets nothing in", async () => {
  const response = await fetch(`${gateway.baseUrl}/docs`);
  const html = await response.text();
  const policy = response.headers.get("content-security-policy")!;
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-an/,
  );
  expect(html).not.toMatch(
    /<script|\son\w+=|\sstyle=|src=|javascript:|https?:\/\/(?!127\.0\.0\.1)/,
  );
  for (const { path, query } of routes) {
    expect(html).toContain(path.replace(/\{(\w+)\}/g, "<i>{$1}</i>"));
    for (const name of Object.keys(query)) expect(html).toContain(`<code>${name}</code>`);
  }
  for (const name of Object.keys(document.components.schemas))
    expect(html).toContain(`id="shape-${name}"`);
  const ids = new Set(Array.from(html.matchAll(/ id="([^"]+)"/g), ([, id]) => id));
  for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
});

test("examples name the host that was asked, unless its name is none", async () => {
  // On loopback it would not answer requests to these names.
  await using wide = await openTestGateway({ host: "0.0.0.0" });
  const page = async (host: string) => {
    const { request } = await import("node:http");
    return await new Promise<string>((resolve, reject) => {
      const asked = request(
        { port: wide.port, host: "127.0.0.1", path: "/docs", headers: { host } },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk) => {
            text += chunk;
          });
          response.on("end", () => resolve(text));
        },
      );
      asked.on("error", reject).end();
    });
  };
  expect(await page("plant.example:8080")).toContain(
    "curl &#39;http://plant.example:8080/signals&#39;".replaceAll("&#39;", "'"),
  );
  expect(await page("x'><script>")).toContain("curl 'http://localhost/signals'");
});

test("the index leads to the reference; a browser gets it at once", async () => {
  expect((await gateway.ask("/")).body).toMatchObject({ docs: "/docs", openapi: "/openapi.json" });
  const html = await fetch(gateway.baseUrl, {
    headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" },
  });
  expect(html.headers.get("content-type")).toBe("text/html; charset=utf-8");
});

test("the document is made from any table", () => {
  expect(toOpenApi([]).paths).toEqual({});
  expect(routes.every((route) => examples(route, "http://h").length > 0)).toBe(true);
});

test("every operation says how it refuses too much and when to come back", () => {
  for (const operations of Object.values(toOpenApi(routes).paths)) {
    for (const { responses } of Object.values(operations)) {
      for (const status of ["429", "503"]) {
        const said = (responses as Record<string, { headers?: object; content: object }>)[status]!;
        expect(Object.keys(said.content).length).toBeGreaterThan(0);
        expect(Object.keys(said.headers ?? {})).toContain("Retry-After");
      }
    }
  }
});
