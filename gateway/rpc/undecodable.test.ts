// Bytes that are not a valid message are reported as the client's fault; an error of the server is
// still one.
import { expect, test } from "vitest";
import { blameUndecodable } from "./undecodable.ts";

async function* body(value: object) {
  yield Buffer.from(JSON.stringify(value));
}
const answer = async (status: number, value: object) => {
  const response = await blameUndecodable({
    status,
    header: new Headers({ "content-length": "5" }),
    body: body(value),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return [response.status, JSON.parse(Buffer.concat(chunks).toString())];
};

test("what cannot be parsed becomes invalid_argument", async () => {
  const message = "parse binary: premature EOF";
  expect(await answer(500, { code: "internal", message })).toEqual([
    400,
    { code: "invalid_argument", message },
  ]);
});

test("other errors stay as they are", async () => {
  const error = { code: "internal", message: "internal error (1)" };
  expect(await answer(500, error)).toEqual([500, error]);
  expect(await answer(404, { code: "not_found", message: "parse binary: x" })).toEqual([
    404,
    { code: "not_found", message: "parse binary: x" },
  ]);
});
