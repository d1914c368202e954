// The watch client against servers that break, repeat, skip and stall: each record once, in order,
// or an error.
import { create } from "@bufbuild/protobuf";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
} from "@connectrpc/connect";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { SignalService, WatchSignalsResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { type WatchOptions, type WatchState, watch } from "./watch.ts";
import { FeedBreakError, WatchError } from "./watch-error.ts";

type Step =
  | { kind: "send"; commits: number }
  | { kind: "bookmark" }
  | { kind: "break" }
  | { kind: "end" }
  | { kind: "skip"; commits: number }
  | { kind: "repeat" }
  | { kind: "stall" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      commits: fc.integer({ min: 1, max: 4 }),
    }),
  },
  fc.record({
    kind: fc.constantFrom("bookmark" as const, "break" as const, "end" as const, "repeat" as const),
  }),
  fc.record({ kind: fc.constant("skip" as const), commits: fc.integer({ min: 1, max: 3 }) }),
);

const commitsInAll = 30;

/**
 * A server with 30 commits that serves by a script, then honestly; with what befell its clients.
 */
function scripted(script: readonly Step[]) {
  const left = [...script];
  const counts = { broken: 0, calls: 0 };
  const transport = createRouterTransport(({ service }) => {
    service(SignalService, {
      async *watchSignals({ start }, { signal: abort }) {
        counts.calls++;
        let at = start.case === "afterCursor" ? Number(start.value) : 0;
        const message = (after: number, through: number) =>
          create(WatchSignalsResponseSchema, {
            after: String(after),
            through: String(through),
            batches: Array.from({ length: through - after }, (_, i) =>
              create(BatchSchema, { machine: `m${after + i + 1}` }),
            ),
          });
        yield message(at, at);
        for (;;) {
          const next = left.shift() ?? { kind: "send", commits: 3 };
          const through = (commits: number) => Math.min(commitsInAll, at + commits);
          if (next.kind === "break") throw new ConnectError("broken", Code.Unavailable);
          if (next.kind === "end") return;
          if (next.kind === "stall")
            await new Promise((resolve) => abort.addEventListener("abort", resolve));
          if (next.kind === "skip" && through(next.commits) < commitsInAll) {
            counts.broken++;
            at = through(next.commits);
            yield message(at, through(1));
          } else if (next.kind === "repeat" && at > 0) {
            counts.broken++;
            yield message(at - 1, at);
          } else if (next.kind === "send" && at < commitsInAll) {
            const before = at;
            at = through(next.commits);
            yield message(before, at);
          } else yield message(at, at);
        }
      },
    });
  });
  return { client: createClient(SignalService, transport), counts };
}

async function watchAll(options: Partial<WatchOptions> & Pick<WatchOptions, "client">) {
  const stop = new AbortController();
  const seen: string[] = [];
  const states: WatchState[] = [];
  const cursors: string[] = [];
  const feed = watch({
    after: "0",
    abort: stop.signal,
    sleep: () => Promise.resolve(),
    onState: (state) => states.push(state),
    ...options,
  });
  for await (const { batches, cursor } of feed) {
    for (const { machine } of batches) seen.push(machine);
    cursors.push(cursor);
    if (cursor === String(commitsInAll)) break;
  }
  return { seen, states, cursors };
}

const everything = Array.from({ length: commitsInAll }, (_, i) => `m${i + 1}`);

test("whatever the server breaks, skips or repeats, each record is yielded once, in order, and each break is told", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (script) => {
      const { client, counts } = scripted(script);
      const { seen, states } = await watchAll({ client });
      expect(seen).toEqual(everything);
      const breaks = states.filter(
        (state) => state.state === "reconnecting" && state.error instanceof FeedBreakError,
      );
      expect(breaks).toHaveLength(counts.broken);
      expect(states.filter(({ state }) => state === "connected")).toHaveLength(counts.calls);
    }),
    { numRuns: 300 },
  );
});

test("a connection on which nothing comes is left for another", async () => {
  const { client, counts } = scripted([
    { kind: "send", commits: 2 },
    { kind: "stall" },
    { kind: "stall" },
  ]);
  const { seen, states } = await watchAll({ client, silenceMs: 30 });
  expect(seen).toEqual(everything);
  expect(counts.calls).toBe(3);
  expect(states.filter(({ state }) => state === "reconnecting")).toHaveLength(2);
});

test("a reader that takes its time does not make a connection dead", async () => {
  const { client, counts } = scripted([]);
  const stop = new AbortController();
  for await (const { cursor } of watch({ client, after: "0", silenceMs: 20, abort: stop.signal })) {
    if (cursor === String(commitsInAll)) break;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  expect(counts.calls).toBe(1);
});

test("bookmarks move the cursor on, for those who ask", async () => {
  const script: Step[] = [{ kind: "bookmark" }, { kind: "send", commits: commitsInAll }];
  expect((await watchAll({ client: scripted(script).client, bookmarks: true })).cursors).toEqual([
    "0",
    "0",
    "30",
  ]);
  expect((await watchAll({ client: scripted(script).client })).cursors).toEqual(["30"]);
});

const failing = (
  code: Code,
  reason: string,
  metadata: Record<string, string> = {},
): Client<typeof SignalService> =>
  createClient(
    SignalService,
    createRouterTransport(({ service }) => {
      service(SignalService, {
        // biome-ignore lint/correctness/useYield: it fails before its first message
        async *watchSignals() {
          throw new ConnectError("no", code, undefined, [
            { desc: ErrorInfoSchema, value: { reason, metadata } },
          ]);
        },
      });
    }),
  );

test.each([
  [
    "CURSOR_EXPIRED",
    Code.OutOfRange,
    { earliest_cursor: "7" },
    { reason: "CURSOR_EXPIRED", cursor: "7" },
  ],
  [
    "CURSOR_FOREIGN",
    Code.FailedPrecondition,
    { latest_cursor: "8" },
    { reason: "CURSOR_FOREIGN", cursor: "8" },
  ],
  [
    "CURSOR_IN_FUTURE",
    Code.OutOfRange,
    { latest_cursor: "9" },
    { reason: "CURSOR_IN_FUTURE", cursor: "9" },
  ],
  ["MACHINE_NAME_INVALID", Code.InvalidArgument, {}, { reason: "INVALID", cursor: undefined }],
  ["", Code.PermissionDenied, {}, { reason: "INVALID", cursor: undefined }],
])("%s ends the watch with a typed error", async (reason, code, metadata, expected) => {
  const ended = watchAll({ client: failing(code, reason, metadata as Record<string, string>) });
  await expect(ended).rejects.toBeInstanceOf(WatchError);
  await expect(ended).rejects.toMatchObject(expected);
});

test.each([
  ["goes on where the reader is, if its place is good", true],
  ["ends, with the place that both histories have, if it is not", false],
])(
  "a feed that ends because commits were given up, some of them sent and not read, %s",
  async (_, isGood) => {
    const foreign = (latest: string) =>
      new ConnectError("given up", Code.FailedPrecondition, undefined, [
        {
          desc: ErrorInfoSchema,
          value: { reason: "CURSOR_FOREIGN", metadata: { latest_cursor: latest } },
        },
      ]);
    const starts: (string | undefined)[] = [];
    const client = createClient(
      SignalService,
      createRouterTransport(({ service }) => {
        service(SignalService, {
          async *watchSignals({ start }) {
            starts.push(start.case === "afterCursor" ? start.value : undefined);
            const batches = [create(BatchSchema, { machine: `m${starts.length}` })];
            if (starts.length === 1) {
              yield create(WatchSignalsResponseSchema, { after: "1", through: "2", batches });
              throw foreign("5");
            }
            if (starts.length === 2) throw new ConnectError("it starts again", Code.Unavailable);
            if (!isGood) throw foreign("9");
            yield create(WatchSignalsResponseSchema, { after: "2", through: "3", batches });
          },
        });
      }),
    );
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { batches } of watch({
        client,
        after: "1",
        abort: stop.signal,
        sleep: async () => {},
      })) {
        for (const { machine } of batches) seen.push(machine);
        if (seen.length === 2) stop.abort(new Error("enough"));
      }
    })();
    if (isGood) await expect(reading).rejects.toThrow("enough");
    else await expect(reading).rejects.toMatchObject({ reason: "CURSOR_FOREIGN", cursor: "5" });
    expect(starts).toEqual(["1", "2", "2"]);
    expect(seen).toEqual(isGood ? ["m1", "m3"] : ["m1"]);
  },
);

test("an abort ends the watch with its reason, also while it waits to connect again", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const feed = watch({
    client: failing(Code.Unavailable, ""),
    abort: stop.signal,
    onState: ({ state }) => state === "reconnecting" && setImmediate(() => stop.abort(reason)),
  });
  await expect(feed.next()).rejects.toBe(reason);
});
