// The reference as one HTML page, rendered from the route table: no script, and nothing from other
// hosts.
import { createHash } from "node:crypto";
import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import { durationForms } from "../../codec/row/duration.ts";
import { timeForms } from "../../codec/row/time.ts";
import type { Route } from "./call.ts";
import { docsStyle } from "./docs-style.ts";
import { mediaTypeOf } from "./formats.ts";
import { scopeOf } from "./openapi.ts";
import type { Schema } from "./schema-parts.ts";
import { schemas } from "./schemas.ts";
import { wordsOf } from "./words.ts";

const styleHash = createHash("sha256").update(docsStyle).digest("base64");

/** Content-Security-Policy: this one style, and nothing else. */
export const docsPolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** `origin` is the reader's "http://host:port" of the gateway, for examples that can be copied. */
export function docsPage(routes: readonly Route[], origin: string): string {
  const items = routes.map(
    (route) =>
      `<li><a href="#${idOf(route)}"><b>${route.method}</b> ${toHtml(route.path)}</a></li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace REST reference</title>
<style>${docsStyle}</style>
</head>
<body>
<nav><a class="home" href="#top">Millrace</a><a class="console" href="/">Console</a><ul>${items.join("")}</ul><a href="#shapes">Shapes</a><a href="#errors">Errors</a></nav>
<main id="top">
<h1>Millrace REST</h1>
<p>Machine signals: what was, what it comes to, and what is being stored. The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>
<dl>
<dt id="times">Times</dt><dd>${prose(timeForms)}. Answers are in UTC. Ranges take their start and leave out their end.</dd>
<dt id="lengths">Lengths of time</dt><dd>${prose(durationForms)}.</dd>
<dt>Formats</dt><dd>By <code>?format=</code>, or by <code>Accept</code>. Compressed with zstd, br or gzip by <code>Accept-Encoding</code>.</dd>
<dt>Cursors</dt><dd>Every answer names what it is complete through. A live feed after that cursor goes on from there; a read with
it as <code>min_cursor</code> sees at least as much.</dd>
<dt>Credentials</dt><dd>Where authentication is on: <code>Authorization: Bearer</code> with a key or a token, or <code>x-api-key</code> with a key; in a header,
never in the URL. A machine that one may not see looks like one that there is not.</dd>
<dt>Numbers</dt><dd>float64, as they were sent, to the last bit.</dd>
</dl>
${routes.map((route) => section(route, origin)).join("\n")}
<h2 id="shapes">Shapes</h2>
<p>Members marked * are always there. Answers may gain members.</p>
${Object.entries(schemas).map(shape).join("\n")}
<h2 id="errors">Errors</h2>
<p>Every error is a <a href="#shape-Problem">Problem</a> of type <code>application/problem+json</code> (RFC 9457). Its
<code>reason</code> is for programs:</p>
<ul class="reasons">${wordsOf(ErrorReasonSchema)
    .map((reason) => `<li><code>${reason}</code></li>`)
    .join("")}</ul>
</main>
</body>
</html>
`;
}

const idOf = ({ method, path }: Route) =>
  (method + path).replace(/\W+/g, "-").replace(/-$/, "").toLowerCase();

function section(route: Route, origin: string): string {
  const { method, path, summary, doc, query, pathDoc = {}, required = [], formats, answer } = route;
  const scope = scopeOf(route);
  const shown = toHtml(path).replace(/\{\w+\}/g, "<i>$&</i>");
  const parameters = [
    ...Object.entries(pathDoc).map(([name, text]) =>
      row([`<code>{${name}}</code>`, "string", prose(text)]),
    ),
    ...Object.entries(query).map(([name, { doc: text, schema }]) =>
      row([
        `<code>${name}</code>${required.includes(name) ? " *" : ""}`,
        ...parameterCells(schema, text),
      ]),
    ),
  ];
  const kinds = formats.map((format) => {
    const what = { json: answer.json, ndjson: answer.line }[format as string];
    return `<code>${mediaTypeOf(format)}</code>${what && format === "ndjson" ? " of" : ""}${what ? ` ${typeOf(what)}` : ""}`;
  });
  return `<section id="${idOf(route)}">
<h2><span class="method">${method}</span> <code>${shown}</code></h2>
<p class="summary">${toHtml(summary)}</p>
<p>${prose(doc)}</p>
${parameters.length > 0 ? `<div class="wide"><table><tr><th>parameter</th><th>type</th><th></th></tr>${parameters.join("")}</table></div>` : ""}
<p>Answers ${kinds.join(", or ")}.${scope === undefined ? "" : ` Needs the scope <code>${scope}</code>.`}</p>
${examples(route, origin)
  .map((text) => `<pre><code>${toHtml(text)}</code></pre>`)
  .join("\n")}
</section>`;
}

/** Type and allowed words; the forms of times are described once, at the top of the page. */
function parameterCells(schema: Schema, text: string): string[] {
  for (const [forms, link] of [
    [timeForms, '<a href="#times">time</a>'],
    [`Expected: ${durationForms}`, '<a href="#lengths">length of time</a>'],
  ] as const) {
    if (text.endsWith(` ${forms}.`)) return [link, prose(text.slice(0, -forms.length - 2))];
  }
  return [typeOf(schema), prose(text)];
}

/** Commands that can be copied, one for each format or media type. */
export function examples(
  { method, example, formats, takes = {} }: Route,
  origin: string,
): string[] {
  const url = `${origin}${example}`;
  if (method !== "GET") {
    const verb = method === "POST" ? "" : `-X ${method} `;
    return Object.entries(takes).map(([type, { example: body }]) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      // $'…' allows line ends within one line of the shell.
      const quoted = text.includes("\n") ? `$'${text.replaceAll("\n", "\\n")}'` : `'${text}'`;
      return `curl ${verb}'${url}' -H 'Content-Type: ${type}' \\\n  --data-binary ${quoted}`;
    });
  }
  return formats.map((format, i) => {
    const flags = format === "sse" || example.includes("/live") ? "-N " : "";
    const asked = i === 0 ? url : `${url}${url.includes("?") ? "&" : "?"}format=${format}`;
    return example === "/" && i > 0
      ? `curl -H 'Accept: ${mediaTypeOf(format)}' '${url}'`
      : `curl ${flags}'${asked}'`;
  });
}

function shape([name, schema]: [string, Schema]): string {
  const {
    properties,
    required = [],
    description,
  } = schema as { properties?: Record<string, Schema>; required?: string[]; description?: string };
  const rows = Object.entries(properties ?? {}).map(([member, of]) =>
    row([
      `<code>${toHtml(member)}</code>${required.includes(member) ? " *" : ""}`,
      typeOf(of),
      prose(String(of["description"] ?? "")),
    ]),
  );
  const body =
    rows.length > 0
      ? `<div class="wide"><table>${rows.join("")}</table></div>`
      : `<p>${typeOf({ ...schema, description: undefined })}</p>`;
  return `<h3 id="shape-${name}">${name}</h3>${description ? `<p>${prose(description)}</p>` : ""}${body}`;
}

/** A schema in a few words: "array of Row". */
function typeOf(schema: Schema): string {
  const {
    $ref,
    type,
    items,
    anyOf,
    enum: values,
    const: only,
    properties,
    additionalProperties,
  } = schema as Record<string, never> & {
    anyOf?: Schema[];
    enum?: string[];
  };
  if ($ref) {
    const name = String($ref).split("/").pop()!;
    return `<a href="#shape-${name}">${name}</a>`;
  }
  if (anyOf) return anyOf.map(typeOf).join(" or ");
  if (values)
    return values.length > 10
      ? "one of the reasons"
      : values.map((value) => `<code>${toHtml(value)}</code>`).join(" ");
  if (only !== undefined) return `<code>${toHtml(String(only))}</code>`;
  if (items) return `array of ${typeOf(items)}`;
  if (properties) return `{${Object.keys(properties).map(toHtml).join(", ")}}`;
  if (additionalProperties) return `object of ${typeOf(additionalProperties)}`;
  return Array.isArray(type) ? (type as string[]).join(" or ") : String(type ?? "any");
}

const row = (cells: string[]) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;

const toHtml = (text: string) =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

/** Text whose parts between backticks become code. */
const prose = (text: string) => toHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>");
