// Requests generated from the OpenAPI document, valid and broken ones: no 5xx, and no answer that
// the document does not describe.
//
// 300 of them; MILLRACE_FUZZ_RUNS=10000 for more, MILLRACE_FUZZ_URL=http://127.0.0.1:8080 to test a
// running gateway, MILLRACE_FUZZ_SEED to repeat a run.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { takeEverything } from "../testing/accessor.ts";
import { answerEverything, fullStatus, nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { answerMachines } from "../testing/machine-answers.ts";
import { createAnswerCheck } from "../testing/schema.ts";
import type { OpenApi } from "./openapi.ts";

const numRuns = Number(process.env["MILLRACE_FUZZ_RUNS"] ?? 300);
const seed = process.env["MILLRACE_FUZZ_SEED"];
const running = process.env["MILLRACE_FUZZ_URL"];

let gateway: TestGateway | undefined;
let baseUrl: string;
beforeAll(async () => {
  if (running === undefined) {
    gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
    gateway.accessor.signals = answerEverything();
    gateway.accessor.machines = answerMachines();
    gateway.accessor.status.getStatus = fullStatus;
    gateway.accessor.ingest = takeEverything([]);
  }
  baseUrl = running ?? gateway!.baseUrl;
});
afterAll(() => gateway?.[Symbol.asyncDispose]());

type Parameter = {
  name: string;
  in: string;
  schema: { type?: string; enum?: string[]; items?: { enum?: string[] } };
};
type Operation = {
  parameters: Parameter[];
  requestBody?: { content: Record<string, { example: unknown }> };
};
type Request = {
  method: string;
  path: string;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
};

const broken = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 400 }),
);
const times = fc.oneof(
  fc.constantFrom(
    "now",
    "-15m",
    "now-1h",
    "-0s",
    "2026-03-01T08:00:00Z",
    "1772352000000",
    "0001-01-01T00:00:00Z",
  ),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.integer().map(String),
);
const names = fc.constantFrom(
  "power",
  "state",
  "error",
  "temperature",
  "mill-1",
  "power,temperature",
  "nobody",
  "Power",
  "a,,b",
);
const sound: Record<string, fc.Arbitrary<string>> = {
  from: times,
  to: times,
  since: times,
  width: fc
    .tuple(fc.nat(100_000), fc.constantFrom("ms", "s", "m", "h", "d", "w"))
    .map((parts) => parts.join("")),
  days: fc.constantFrom("UTC", "Europe/Berlin", "Mars/Base"),
  page_token: fc.oneof(
    fc.base64String(),
    fc.tuple(fc.integer(), fc.integer()).map(([a, b]) => `r${a}_${b}.x`),
  ),
};

function aValue({ name, schema }: Parameter): fc.Arbitrary<string> {
  const words = schema.enum ?? schema.items?.enum;
  const some = words
    ? fc.constantFrom(...words)
    : schema.type === "integer"
      ? fc.nat(20_000).map(String)
      : names;
  return fc.oneof({ weight: 6, arbitrary: sound[name] ?? some }, { weight: 1, arbitrary: broken });
}

const rows = fc.record(
  {
    machine: fc.oneof(names, fc.jsonValue()),
    signal: fc.oneof(names, fc.jsonValue()),
    time: fc.oneof(times, fc.jsonValue()),
    value: fc.oneof(fc.double(), fc.jsonValue()),
    state: fc.constantFrom("ACTIVE", "idle", "x", ""),
    severity: fc.constantFrom("ERROR", "bad"),
    code: fc.string(),
  },
  { requiredKeys: [] },
);
const bodies = (type: string, example: unknown): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant(typeof example === "string" ? example : JSON.stringify(example)),
    type === "application/json"
      ? fc.oneof(
          fc.array(rows).map((signals) => JSON.stringify({ signals })),
          fc.json(),
        )
      : type === "text/csv"
        ? fc
            .array(
              fc.constantFrom("machine", "time", "value", ",", "\n", '"', "mill-1", "now", "1"),
              { maxLength: 60 },
            )
            .map((parts) => parts.join(""))
        : fc
            .array(
              fc.oneof(
                rows.map((row) => JSON.stringify(row)),
                broken,
              ),
            )
            .map((lines) => lines.join("\n")),
    broken,
  );

const accepts = fc.oneof(
  { weight: 4, arbitrary: fc.constant("*/*") },
  fc.constantFrom(
    "*/*",
    "application/json",
    "application/x-ndjson",
    "text/csv;q=0.9, */*;q=0.1",
    "text/event-stream",
    "text/html",
    "image/png",
  ),
  fc.string({ unit: fc.constantFrom(..."*/,;q=.019 text"), maxLength: 30 }),
);

/** Path parameters that URL parsing would remove are then not those of the path. */
const isSegment = (text: string) => !["", ".", ".."].includes(text) && text.isWellFormed();

function requests(document: OpenApi): fc.Arbitrary<Request> {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method,
      operation: operation as unknown as Operation,
    })),
  );
  // A feed of a running gateway does not end.
  const finite = running ? operations.filter(({ path }) => !path.endsWith("/live")) : operations;
  return fc
    .constantFrom(...finite)
    .chain(({ path, method, operation: { parameters, requestBody } }) => {
      const given = (place: string) => parameters.filter((parameter) => parameter.in === place);
      const table = (place: string) =>
        Object.fromEntries(given(place).map((parameter) => [parameter.name, aValue(parameter)]));
      const inPath = given("path").map(({ name }) => [
        name,
        fc.oneof({ weight: 5, arbitrary: names }, broken).filter(isSegment),
      ]);
      const contents = Object.entries(requestBody?.content ?? {});
      return fc
        .record({
          segments: fc.record(Object.fromEntries(inPath) as Record<string, fc.Arbitrary<string>>),
          query: fc.record(table("query"), { requiredKeys: [] }),
          more: fc.oneof({ weight: 9, arbitrary: fc.constant("") }, fc.webQueryParameters()),
          accept: accepts,
          key: fc.option(fc.base64String({ maxLength: 300 }), { freq: 4 }),
          body:
            contents.length === 0
              ? fc.constant(undefined)
              : fc
                  .constantFrom(...contents)
                  .chain(([type, { example }]) =>
                    fc.record({ type: fc.constant(type), text: bodies(type, example) }),
                  ),
        })
        .map(({ segments, query, more, accept, key, body }) => {
          const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
            encodeURIComponent(segments[name]!),
          );
          const search = new URLSearchParams(query as Record<string, string>).toString();
          return {
            method: method.toUpperCase(),
            path,
            body: body?.text,
            url: `${filled}?${search}${more && `&${more}`}`,
            headers: {
              accept,
              ...(key !== null && body && { "idempotency-key": key }),
              ...(body && { "content-type": body.type }),
            },
          };
        });
    });
}

test(
  `${numRuns} requests made from the document`,
  async () => {
    const document = (await (await fetch(`${baseUrl}/openapi.json`)).json()) as OpenApi;
    const check = createAnswerCheck(document);
    const statuses = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(requests(document), async ({ method, path, url, headers, body }) => {
        const response = await fetch(baseUrl + url, {
          method,
          headers,
          ...(body === undefined ? {} : { body }),
        });
        const { status } = response;
        const text = await response.text();
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status >= 500 && !(path === "/readyz" && status === 503))
          expect.fail(`${status}: ${text}`);
        const contentType = response.headers.get("content-type")!;
        expect(check({ method, path, status, contentType, text })).toBe("");
      }),
      { numRuns, ...(seed ? { seed: Number(seed) } : {}), endOnFailure: numRuns > 1_000 },
    );
    // Otherwise no request was valid, or none was broken.
    expect(statuses.get(200)).toBeGreaterThan(numRuns / 20);
    expect(statuses.get(400)).toBeGreaterThan(numRuns / 20);
    if (numRuns > 1_000) console.log(Object.fromEntries([...statuses].sort(([a], [b]) => a - b)));
  },
  30_000 + numRuns * 50,
);
