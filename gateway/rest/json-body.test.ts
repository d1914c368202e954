// Bodies of JSON that are collected before they are counted and parsed.
import { PassThrough } from "node:stream";
import type { FastifyRequest } from "fastify";
import { expect, test } from "vitest";
import { createJsonParser } from "./json-body.ts";

/** Parses the body that `send` writes, with these headers. */
function parse(
  send: (body: PassThrough) => void,
  headers: Record<string, string> = {},
  bodyLimit = 100_000,
) {
  const body = Object.assign(new PassThrough(), { headers });
  const parser = createJsonParser() as (...of: unknown[]) => void;
  const request = { routeOptions: { bodyLimit }, headers } as FastifyRequest;
  const parsed = new Promise((resolve, reject) =>
    parser(request, body, (error: Error | null, value: unknown) =>
      error ? reject(error) : resolve(value),
    ),
  );
  send(body);
  return parsed;
}

const text = JSON.stringify({ rows: Array.from({ length: 300 }, (_, i) => ({ number: i })) });

test("of a body in many small pieces none is kept as it came", async () => {
  let before: Buffer | undefined;
  const parsed = parse((body) => {
    body.on("data", () => {});
    for (let at = 0; at < text.length; at += 16) {
      const piece = Buffer.from(text.slice(at, at + 16));
      body.write(piece);
      body.read(0);
      if (at + 16 < text.length) before?.fill("!");
      before = piece;
    }
    body.end();
  });
  expect(await parsed).toEqual(JSON.parse(text));
});

test("a body that is longer than it may be is refused, by its header or as it comes", async () => {
  const tooLarge = { code: "FST_ERR_CTP_BODY_TOO_LARGE", statusCode: 413 };
  await expect(parse(() => {}, { "content-length": "2000" }, 1_999)).rejects.toMatchObject(
    tooLarge,
  );
  await expect(
    parse((body) => void body.write("x".repeat(2_000)), {}, 1_999),
  ).rejects.toMatchObject(tooLarge);
});

test("a body that is shorter than its header says is refused, and so is none", async () => {
  await expect(
    parse((body) => void body.end("{}"), { "content-length": "3" }),
  ).rejects.toMatchObject({
    code: "FST_ERR_CTP_INVALID_CONTENT_LENGTH",
  });
  await expect(parse((body) => void body.end())).rejects.toMatchObject({
    code: "FST_ERR_CTP_EMPTY_JSON_BODY",
  });
});

test("a body that breaks off fails as its reader was told", async () => {
  const broken = new Error("the body came too slowly");
  await expect(parse((body) => void body.destroy(broken))).rejects.toBe(broken);
});
