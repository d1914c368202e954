// The routes that describe the others: the index, the OpenAPI document and the page for people.
import { type RestAnswer, type Route, route } from "./call.ts";
import { docsPage, docsPolicy } from "./docs-page.ts";
import { contentTypeOf, type Format } from "./formats.ts";
import { type OpenApi, toOpenApi } from "./openapi.ts";
import { schemaOf } from "./schemas.ts";

/** Routes that describe `described` and themselves. */
export function reference(described: readonly Route[]): Route[] {
  // Made on first use, because the table also contains the routes made here.
  let document: OpenApi | undefined;
  const all: Route[] = [...described];
  const html = (text: string): RestAnswer => ({
    contentType: contentTypeOf("html"),
    headers: { "content-security-policy": docsPolicy, "cache-control": "no-cache" },
    text,
  });
  const page = (origin: string) => html(docsPage(all, origin));
  const own = { rpc: undefined, query: {}, method: "GET" } as const;
  const made = [
    route({
      ...own,
      path: "/",
      summary: "Where to begin",
      doc: "Links to the rest; for a browser, the reference itself.",
      formats: ["json", "html"] satisfies Format[],
      answer: { json: schemaOf("Index") },
      example: "/",
      handle: async ({ format, origin }) => {
        if (format === "html") return page(origin);
        const links = [...new Set(all.map(({ path }) => path))];
        return {
          body: { name: "millrace", docs: "/docs", openapi: "/openapi.json", routes: links },
        };
      },
    }),
    route({
      ...own,
      path: "/openapi.json",
      summary: "This reference for programs",
      doc: "An OpenAPI 3.1 document of every route.",
      formats: ["json"],
      answer: { json: { type: "object" } },
      example: "/openapi.json",
      handle: async () => {
        document ??= toOpenApi(all);
        return { body: document as never };
      },
    }),
    route({
      ...own,
      path: "/docs",
      summary: "This reference for people",
      doc: "A page without scripts.",
      formats: ["html"],
      answer: {},
      example: "/docs",
      handle: async ({ origin }) => page(origin),
    }),
  ];
  for (const one of made) all.push(one);
  return made;
}
