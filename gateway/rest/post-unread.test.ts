// POST /signals with lines: a body without any readable row is not read to its end.
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { takeEverything } from "../testing/accessor.ts";
import { nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { ndjson, postLines, row } from "../testing/lines.ts";

let gateway: TestGateway;
let taken: IngestBatchRequest[];
beforeEach(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
  taken = [];
  gateway.accessor.ingest = takeEverything(taken);
});
afterEach(() => gateway[Symbol.asyncDispose]());

test("where none of the first 20,000 rows can be read the rest is not looked at, and the connection serves on", async () => {
  using agent = new KeepAlive();
  const nothing = "{}\n".repeat(300_000);
  for (let turn = 0; turn < 2; turn++) {
    const { status, body } = await agent.post(gateway.port, nothing);
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: "REQUEST_INVALID",
      accepted: 0,
      rejected: 20_000,
      unread_from_line: 20_001,
      verdicts: [{ line: 1, count: 20_000, reason: "MACHINE_NAME_INVALID" }],
    });
  }
  const lines = await fetch(`${gateway.baseUrl}/signals`, {
    method: "POST",
    headers: { "content-type": ndjson, accept: ndjson },
    body: nothing,
  });
  const said = (await lines.text()).trimEnd().split("\n");
  expect(said.map((line) => JSON.parse(line))).toMatchObject([
    { line: 1, count: 20_000 },
    { status: 422, rejected: 20_000, unread_from_line: 20_001 },
  ]);
  expect(taken).toEqual([]);
});

test("one row among them, or no more lines than that, and everything is looked at", async () => {
  const all = await postLines(gateway, "{}\n".repeat(20_000));
  expect([all.status, all.body["rejected"], all.body["unread_from_line"]]).toEqual([
    422,
    20_000,
    undefined,
  ]);
  const some = await postLines(
    gateway,
    `${"{}\n".repeat(19_999)}${row("a", 1)}\n${"1\n".repeat(30_000)}${row("a", 2)}`,
  );
  expect([some.status, some.body["accepted"], some.body["rejected"]]).toEqual([200, 2, 49_999]);
  expect(some.body["verdicts"]).toMatchObject([
    { line: 1, count: 19_999 },
    { line: 20_001, count: 30_000 },
  ]);
});

/** A client with one connection, which it keeps. */
class KeepAlive {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  post(port: number, body: string): Promise<{ status: number | undefined; body: unknown }> {
    const headers = { "content-type": ndjson, "content-length": body.length };
    const options = {
      port,
      host: "127.0.0.1",
      path: "/signals",
      method: "POST",
      headers,
      agent: this.#agent,
    };
    return new Promise((resolve, reject) => {
      const call = request(options, async (answer) => {
        resolve({ status: answer.statusCode, body: JSON.parse(await text(answer)) });
      });
      call.on("error", reject).end(body);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
