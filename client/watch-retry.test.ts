// How a watch comes back: delays that grow and heed the server, a start to the microsecond, and
// commits in parts as one.
import { create } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type ServiceImpl,
} from "@connectrpc/connect";
import { expect, test } from "vitest";
import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import {
  SignalService,
  type WatchSignalsRequest,
  WatchSignalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { createBackoff } from "../runtime/backoff.ts";
import { watch } from "./watch.ts";

type Watching = ServiceImpl<typeof SignalService>["watchSignals"];

const clientOf = (watchSignals: Watching) =>
  createClient(
    SignalService,
    createRouterTransport(({ service }) => service(SignalService, { watchSignals })),
  );

const message = (after: number, through: number, machines: readonly string[] = []) =>
  create(WatchSignalsResponseSchema, {
    after: String(after),
    through: String(through),
    batches: machines.map((machine) => create(BatchSchema, { machine })),
  });

/** Watches until it would sleep for the given time; says how long it would each time. */
async function delaysOf(watchSignals: Watching, count: number): Promise<number[]> {
  const delays: number[] = [];
  const stop = new AbortController();
  const feed = watch({
    client: clientOf(watchSignals),
    abort: stop.signal,
    backoff: createBackoff({ baseMs: 100, maxMs: 5_000, random: () => 1 }),
    sleep: async (ms) => {
      delays.push(ms);
      if (delays.length === count) stop.abort(new Error("enough"));
    },
  });
  const drain = async () => {
    for await (const _ of feed);
  };
  await expect(drain()).rejects.toThrow("enough");
  return delays;
}

const broken = (retrySeconds?: number) =>
  new ConnectError(
    "broken",
    Code.Unavailable,
    undefined,
    retrySeconds === undefined
      ? []
      : [{ desc: RetryInfoSchema, value: { retryDelay: { seconds: BigInt(retrySeconds) } } }],
  );

test("a server that breaks off after its first message is asked less and less often", async () => {
  const delays = await delaysOf(async function* () {
    yield message(0, 0);
    throw broken();
  }, 5);
  expect(delays).toEqual([100, 200, 400, 800, 1_600]);
});

test("a feed that went on is connected anew without delay", async () => {
  let calls = 0;
  const delays = await delaysOf(async function* ({ start }) {
    const at = start.case === "afterCursor" ? Number(start.value) : 0;
    yield message(at, at);
    if (++calls > 3) yield message(at, at + 1);
    throw broken();
  }, 5);
  expect(delays).toEqual([100, 200, 400, 100, 100]);
});

test("nobody is asked sooner than it wants to be", async () => {
  // biome-ignore lint/correctness/useYield: it fails before its first message
  const delays = await delaysOf(async function* () {
    throw broken(7);
  }, 3);
  expect(delays).toEqual([7_000, 7_000, 7_000]);
});

test.each([
  [1_767_571_200_123_456, 1_767_571_200n, 123_456_000],
  [1_500_000, 1n, 500_000_000],
  [-1, -1n, 999_999_000],
])("a watch since %d µs starts there", async (sinceUs, seconds, nanos) => {
  const asked: WatchSignalsRequest["start"][] = [];
  const client = clientOf(async function* ({ start }) {
    asked.push(start);
    yield message(0, 0);
  });
  const { signal: abort } = new AbortController();
  await watch({ client, sinceUs, bookmarks: true, abort }).next();
  expect(asked[0]).toMatchObject({ case: "fromCommitTime", value: { seconds, nanos } });
});

test("parts of a commit are yielded as one, and once, though the feed breaks off between them", async () => {
  let calls = 0;
  const part = (machine: string, reasons: readonly string[], through: number, partial: boolean) =>
    create(WatchSignalsResponseSchema, {
      after: "4",
      through: String(through),
      batches: [{ machine, stateChanges: reasons.map((reason) => ({ reason })) }],
      partial,
    });
  const client = clientOf(async function* ({ start }) {
    expect(start).toEqual({ case: "afterCursor", value: "4" });
    yield message(4, 4);
    yield part("m", ["a", "b"], 4, true);
    if (++calls === 1) throw broken();
    yield part("m", ["c"], 4, true);
    yield part("m", ["d"], 5, false);
    yield message(5, 6, ["next"]);
  });
  const seen: unknown[] = [];
  const stop = new AbortController();
  for await (const { batches, cursor } of watch({
    client,
    after: "4",
    abort: stop.signal,
    sleep: async () => {},
  })) {
    seen.push([
      cursor,
      batches.map(({ machine, stateChanges }) => [
        machine,
        stateChanges.map(({ reason }) => reason),
      ]),
    ]);
    if (cursor === "6") break;
  }
  expect(seen).toEqual([
    ["5", [["m", ["a", "b", "c", "d"]]]],
    ["6", [["next", []]]],
  ]);
});

test("parts of one commit that do not end within what a commit may have end the watch", async () => {
  const [texts, records] = ["ü".repeat(512), 16_384];
  const part = (count: number, partial: boolean, through = 4) =>
    create(WatchSignalsResponseSchema, {
      after: "4",
      through: String(through),
      partial,
      batches: [
        { machine: "m", stateChanges: Array.from({ length: count }, () => ({ reason: texts })) },
      ],
    });
  let sent = 0;
  const client = clientOf(async function* () {
    yield message(4, 4);
    // Twice what a batch has room for is taken.
    for (let i = 0; i < 4; i++) yield part(2_048, true);
    yield part(1, false, 4);
    for (; ; sent++) yield part(records / 8, true);
  });
  const seen: number[] = [];
  const stop = new AbortController();
  const all = async () => {
    for await (const { batches } of watch({
      client,
      after: "4",
      abort: stop.signal,
      sleep: async () => {},
    }))
      seen.push(batches[0]!.stateChanges.length);
  };
  await expect(all()).rejects.toMatchObject({
    name: "WatchError",
    reason: "COMMIT_TOO_LARGE",
    cursor: "4",
  });
  expect(seen).toEqual([4 * 2_048 + 1]);
  // 2.1 MiB each: nothing is read past the bound.
  expect(sent).toBe(7);
});
