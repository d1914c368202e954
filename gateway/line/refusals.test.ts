// Requests with line protocol that are refused as a whole, and names that must not be mixed.
import { gzipSync } from "node:zlib";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { reasonError } from "../errors/reasons.ts";
import { takeEverything } from "../testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
const taken: IngestBatchRequest[] = [];

beforeEach(async () => {
  taken.length = 0;
  gateway = await openTestGateway();
  gateway.accessor.ingest = takeEverything(taken);
});
afterEach(() => gateway[Symbol.asyncDispose]());

type Sent = { status: number; text: string; headers: Headers };
async function send(
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Sent> {
  const init = { method: "POST", headers, body: body as string };
  const response = await fetch(gateway.baseUrl + path, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

test("what is wrong with the request as a whole", async () => {
  const told = async (sent: Promise<Sent>) => {
    const { status, text, headers } = await sent;
    return [status, JSON.parse(text).detail, headers.get("retry-after")];
  };
  const line = "m,machine=a v=1 1\n";
  expect(await told(send("/api/v2/write?precision=day", line))).toEqual([
    400,
    expect.stringContaining("send ns, us, ms or s"),
    null,
  ]);
  expect(await told(send("/write?u=me&p=secret", line))).toEqual([
    400,
    expect.stringContaining("Authorization: Token KEY"),
    null,
  ]);
  expect(await told(send("/write", line, { "content-encoding": "br" }))).toEqual([
    415,
    expect.stringContaining("send gzip, zstd, deflate or none"),
    null,
  ]);
  expect(await told(send("/write", line, { "content-encoding": "gzip" }))).toEqual([
    400,
    expect.stringContaining("cannot be decompressed"),
    null,
  ]);
  const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024, "\n"), { level: 1 });
  expect(await told(send("/write", bomb, { "content-encoding": "gzip" }))).toEqual([
    413,
    expect.stringContaining("larger than 64 MiB"),
    null,
  ]);
  const failing = (reason: "DATABASE_UNAVAILABLE" | "OVERLOADED", code: Code) => {
    gateway.accessor.ingest = {
      ingestBatches() {
        throw reasonError(reason, code, "later", { retryMs: 7_000 });
      },
    };
    return told(send("/api/v2/write", line));
  };
  expect(await failing("DATABASE_UNAVAILABLE", Code.Unavailable)).toEqual([503, "later", "7"]);
  expect(await failing("OVERLOADED", Code.ResourceExhausted)).toEqual([429, "later", "7"]);
  expect(taken).toEqual([]);
});

test("two names that would be one signal are not mixed", async () => {
  const body =
    "Oil\\ Temp,machine=a value=1 1\noil.temp,machine=a value=2 2\noil.temp,machine=b value=3 3\n";
  const { status, text } = await send("/api/v2/write", body);
  expect(status).toBe(422);
  expect(JSON.parse(text)).toMatchObject({
    lines: [2],
    message: expect.stringMatching(
      /would be signal "oil_temp", which another field already is: .*--line-map/,
    ),
  });
  const stored = taken.map(({ batch }) => [
    batch!.machine,
    batch!.samples.map((one) => one.values),
  ]);
  expect(stored).toEqual([
    ["a", [[1]]],
    ["b", [[3]]],
  ]);
});

test("what is no line protocol is not read to its end", async () => {
  const { status, text } = await send("/api/v2/write", "{}\n".repeat(2_000_000));
  expect(status).toBe(400);
  expect(JSON.parse(text).rejected).toBeLessThan(100_000);
});
