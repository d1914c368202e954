// POST and PATCH: bytes that are not UTF-8, and halves of surrogate pairs, are refused at each
// door. Decoded as text they would become U+FFFD, which the client did not send.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type {
  IngestBatchRequest,
  RedeclareSignalRequest,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { takeEverything } from "../testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
const taken: (IngestBatchRequest | RedeclareSignalRequest)[] = [];
beforeAll(async () => {
  gateway = await openTestGateway();
  gateway.accessor.ingest = takeEverything(taken as IngestBatchRequest[]);
  gateway.accessor.ingest.redeclareSignal = (request) => {
    taken.push(request);
    return {};
  };
});
beforeEach(() => void taken.splice(0));
afterAll(() => gateway[Symbol.asyncDispose]());

const time = "2026-03-01T08:00:00Z";
const send = (
  path: string,
  body: string | Uint8Array,
  { method = "POST", type = "application/json" } = {},
) => gateway.ask(path, { method, headers: { "content-type": type }, body: body as string });

const ingest = "/millrace.v1.IngestService/IngestBatch";
const bodies: readonly [path: string, body: string, method?: string][] = [
  [
    "/signals",
    `{"signals":[{"machine":"m","signal":"heat","time":"${time}","value":1,"unit":"°C"}]}`,
  ],
  ["/signals", `{"machine":"m","stateChanges":[{"time":"${time}","state":1,"reason":"°"}]}`],
  ["/machines/m/signals/heat", '{"unit":"°C"}', "PATCH"],
  [
    ingest,
    `{"producerId":"p","sequence":1,"batch":{"machine":"m","samples":[{"signal":"heat","unit":"°C"}]}}`,
  ],
];

test.each(bodies)(
  "bytes in JSON that are not UTF-8 are refused: %s %s",
  async (path, body, method = "POST") => {
    const { status, body: answer } = await send(path, Buffer.from(body, "latin1"), { method });
    const said = answer["detail"] ?? answer["message"];
    expect([status, said]).toEqual([
      400,
      expect.stringMatching(/not UTF-8: convert it first, .* iconv/),
    ]);
    if (path !== ingest)
      expect([answer["field"], answer["reason"]]).toEqual(["body", "REQUEST_INVALID"]);
    const utf16 = await send(path, Buffer.from(`\ufeff${body}`, "utf16le"), { method });
    expect([utf16.status, utf16.body["detail"] ?? utf16.body["message"]]).toEqual([
      400,
      expect.stringMatching(/UTF-16/),
    ]);
    expect(taken).toEqual([]);
    expect((await send(path, body, { method })).status).toBe(200);
    expect(taken).toHaveLength(1);
  },
);

const half = '"a\\ud800b"';
test("half a surrogate pair costs its row alone, in JSON and in lines", async () => {
  const row = `"machine":"m","time":"${time}"`;
  const rows = [
    `{${row},"signal":"state","state":"IDLE","reason":${half}}`,
    `{${row},"signal":"error","severity":"INFO","code":${half},"message":"x"}`,
    `{${row},"signal":"error","severity":"INFO","code":"E1","message":"\\udc00"}`,
    `{${row},"signal":"heat","value":1,"unit":${half}}`,
    `{${row},"signal":"state","state":"IDLE","reason":"a\\ud83d\\ude00b\\ufffd"}`,
  ];
  const verdicts = ["reason", "code", "message", "unit"].map((field) =>
    expect.objectContaining({
      reason: "TEXT_INVALID",
      message: `${field} contains half a surrogate pair, which is not a character`,
    }),
  );
  for (const [body, type] of [
    [`{"signals":[${rows.join(",")}]}`, "application/json"],
    [rows.join("\n"), "application/x-ndjson"],
  ] as const) {
    const { status, body: answer } = await send("/signals", body, { type });
    expect([status, answer["accepted"], answer["verdicts"]]).toEqual([200, 1, verdicts]);
  }
  expect(
    taken.map((request) => "batch" in request && request.batch?.stateChanges[0]?.reason),
  ).toEqual(["a😀b\ufffd", "a😀b\ufffd"]);
});

test("half a surrogate pair is refused in a batch, in a correction and over Connect", async () => {
  for (const [path, body, method] of [
    ["/signals", `{"machine":"m","stateChanges":[{"time":"${time}","state":1,"reason":${half}}]}`],
    ["/signals", `{"machine":${half}}`],
    [
      ingest,
      `{"producerId":"p","sequence":1,"batch":{"machine":"m","samples":[{"signal":"heat","unit":${half}}]}}`,
    ],
    ["/machines/m/signals/heat", `{"unit":${half}}`, "PATCH"],
  ] as const) {
    const { status, body: answer } = await send(path, body, { method: method ?? "POST" });
    const said = answer["detail"] ?? answer["message"];
    expect([path, status, said]).toEqual([
      path,
      400,
      expect.stringMatching(/invalid UTF8|surrogate/),
    ]);
  }
  expect(taken).toEqual([]);
});

test("a query whose percent-encoded bytes are not UTF-8 is refused, and U+FFFD that was sent is not", async () => {
  const csv = (query: string) =>
    send(`/signals?type=heat&${query}`, `machine,time,value\nm,${time},1\n`, { type: "text/csv" });
  const { status, body } = await csv("unit=%B0C");
  expect([status, body["field"], body["detail"]]).toEqual([
    400,
    "unit",
    expect.stringMatching(/not UTF-8/),
  ]);
  expect(taken).toEqual([]);
  for (const unit of ["%C2%B0C", "100%", "%EF%BF%BD", "a+b%2B"])
    expect((await csv(`unit=${unit}`)).status).toBe(200);
  const message = encodeURIComponent('{"machines":["').concat("%FF", encodeURIComponent('"]}'));
  const got = await gateway.ask(
    `/millrace.v1.SignalService/GetLatest?connect=v1&encoding=json&message=${message}`,
  );
  expect([got.status, got.body["message"]]).toEqual([400, expect.stringMatching(/not UTF-8/)]);
});
