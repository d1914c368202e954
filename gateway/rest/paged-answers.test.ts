// Answers that exceed a message: how REST reports them, and which further pages it reads by itself.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, expect, test } from "vitest";
import { timeText } from "../../codec/row/time-text.ts";
import { nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

const nowSeconds = nowUs / 1_000_000n;
let gateway: TestGateway;
beforeEach(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
});
afterEach(() => gateway[Symbol.asyncDispose]());

test("signals and newest records that are more than a page say so", async () => {
  type Page = { pageSize: number; pageToken: string };
  const asked: Page[] = [];
  const take = ({ pageSize, pageToken }: Page) => asked.push({ pageSize, pageToken });
  Object.assign(gateway.accessor.signals, {
    listSignals: (request: Page) => {
      take(request);
      return { signals: [{ name: "power", units: ["W"], unitsLeftOut: 7 }], nextPageToken: "s2" };
    },
    getLatest: (request: Page) => {
      take(request);
      return { nextPageToken: "l2", cursor: "c2" };
    },
    listMachines: () => ({ machines: [{ name: "m", signalsLeftOut: 3 }] }),
  });
  const signals = await gateway.ask("/signals?limit=5&page_token=s1");
  expect(signals.body).toMatchObject({
    signals: [{ name: "power", units_left_out: 7 }],
    next_page_token: "s2",
  });
  expect(signals.headers.get("link")).toBe('</signals?limit=5&page_token=s2>; rel="next"');
  const latest = await gateway.ask("/signals/power/latest?page_token=l1");
  expect(latest.body).toEqual({ signals: [], next_page_token: "l2", cursor: "c2" });
  expect(latest.headers.get("link")).toBe('</signals/power/latest?page_token=l2>; rel="next"');
  expect(asked).toEqual([
    { pageSize: 5, pageToken: "s1" },
    { pageSize: 0, pageToken: "l1" },
  ]);
  expect((await gateway.ask("/machines")).body).toMatchObject({
    machines: [{ name: "m", signals_left_out: 3 }],
  });
});

test("summaries in pages say so, and stay at the window of the first", async () => {
  const tokens: [string, bigint | undefined][] = [];
  gateway.accessor.signals.summarizeMachines = ({ pageToken, pageSize, startTime }) => {
    tokens.push([pageToken, startTime?.seconds]);
    return { machines: [], nextPageToken: pageToken === "" ? `m${pageSize}` : "", cursor: "c7" };
  };
  const first = await gateway.ask("/machines/summary?from=-1h&limit=5");
  expect(first.body["next_page_token"]).toMatch(/^r\d+_\.m5$/);
  expect(first.headers.get("link")).toContain('rel="next"');
  expect(first.headers.get("link")).toContain("from=2026-03-01T07%3A00%3A00Z");
  const next = await gateway.ask(
    `/machines/summary?from=-1h&limit=5&page_token=${first.body["next_page_token"]}`,
  );
  expect(next.body).toEqual({ machines: [], next_page_token: "", cursor: "c7" });
  expect(tokens).toEqual([
    ["", nowSeconds - 3_600n],
    ["m5", nowSeconds - 3_600n],
  ]);
});

test.each(["json", "ndjson", "csv"])(
  "buckets that come in pages are one answer, as %s",
  async (format) => {
    gateway.accessor.signals.aggregateSamples = ({ pageToken }) => {
      const buckets = [
        { startTime: { seconds: nowSeconds }, endTime: { seconds: nowSeconds + 60n }, count: 1n },
      ];
      const at = Number(pageToken || 1);
      const series = [{ machine: `mill-${at}`, signal: "power", unit: "W", buckets }];
      return { series, nextPageToken: at < 3 ? String(at + 1) : "", cursor: "c7" };
    };
    const text = await (
      await fetch(`${gateway.baseUrl}/signals/power/buckets?from=-1h&format=${format}`)
    ).text();
    expect(text.match(/mill-\d/g)).toEqual(["mill-1", "mill-2", "mill-3"]);
  },
);

test("an end beyond what can be stored is echoed, asked for and linked to as it is taken", async () => {
  const asked: unknown[] = [];
  const take = (request: { startTime?: Timestamp; endTime?: Timestamp }) => {
    asked.push([timeText(request.startTime), timeText(request.endTime)]);
    return { nextPageToken: "t1", cursor: "c7" };
  };
  gateway.accessor.signals.querySignals = take;
  gateway.accessor.signals.listStateIntervals = take;
  const [from, to] = ["1684-07-28T00:12:25.259009Z", "2255-06-05T23:47:34.740991Z"];
  for (const path of ["/signals/power", "/signals/state/intervals"]) {
    const { body, headers } = await gateway.ask(`${path}?from=0001-01-01&to=9999-12-31`);
    expect(body).toMatchObject({ from, to });
    const link = new URLSearchParams(/\?([^>]+)>/.exec(headers.get("link")!)![1]);
    expect([link.get("from"), link.get("to")]).toEqual([from, to]);
  }
  expect(asked).toEqual([
    [from, to],
    [from, to],
  ]);
  // An invalid range is still refused.
  await gateway.ask("/signals/power?from=9999-01-01&to=2300-01-01");
  expect(asked[2]).toEqual(["9999-01-01T00:00:00Z", "2300-01-01T00:00:00Z"]);
});
