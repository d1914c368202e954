// Every subscriber sees every record that matches once, in order, however slow it is, wherever it
// starts, and whatever leaves memory.
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { BatchSchema, SamplesSchema } from "#gen/millrace/v1/signal_pb.ts";
import {
  type WatchSignalsResponse,
  WatchSignalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { joinBatches } from "../../codec/wire/batch-bytes.ts";
import type { Selection } from "../store/series.ts";
import { column, epochUs } from "../testing/batches.ts";
import { SimulatedLog, turn } from "../testing/simulated-log.ts";
import { createFilter } from "./filter.ts";
import { follow, SharedMessages } from "./follow.ts";
import { SentByFeeds } from "./sent.ts";
import type { Tail } from "./tail.ts";

afterEach(() => {
  vi.useRealTimers();
});

type Subscribing = {
  log: SimulatedLog;
  tail: Tail;
  shared?: SharedMessages;
  bookmarkIntervalMs?: number;
  maxMessageBytes?: number;
  abort?: AbortSignal;
};

const everything: Selection = { machines: [], signals: [] };

function subscribe(selection: Selection, after: number, { log, tail, ...options }: Subscribing) {
  return follow({
    tail,
    filter: createFilter(selection),
    after,
    readLog: (range) => log.read(range),
    readCommitTime: async () => undefined,
    toCursor: String,
    sent: new SentByFeeds(),
    shared: options.shared ?? new SharedMessages(() => 100),
    bookmarkIntervalMs: options.bookmarkIntervalMs ?? 5_000,
    abort: options.abort ?? AbortSignal.timeout(10_000),
    ...(options.maxMessageBytes && { maxMessageBytes: options.maxMessageBytes }),
  });
}

const revisionsIn = ({ batches }: WatchSignalsResponse) =>
  batches.flatMap(({ samples }) => samples.map(({ values }) => values[0]!));

const names = (prefix: string) => fc.constantFrom(`${prefix}1`, `${prefix}2`, `${prefix}3`);
const selection = fc.record({
  machines: fc.uniqueArray(names("m"), { maxLength: 2 }),
  signals: fc.uniqueArray(names("s"), { maxLength: 2 }),
});
const action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ machine: names("m"), signal: names("s"), own: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ subscribe: selection, back: fc.nat(20), slowness: fc.nat(6) }),
  },
  { weight: 1, arbitrary: fc.record({ turns: fc.nat(5) }) },
);

test("any commits, subscribers, positions and evictions", { timeout: 60_000 }, async () => {
  const drawn = fc.record({
    actions: fc.array(action, { maxLength: 60 }),
    waits: fc.array(fc.nat(4), { minLength: 1, maxLength: 8 }),
    pageSize: fc.integer({ min: 1, max: 6 }),
    maxBytes: fc.integer({ min: 100, max: 2_000 }),
  });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ actions, waits, pageSize, maxBytes }) => {
      const log = new SimulatedLog({ pageSize, waits });
      const tail = log.openTail(maxBytes);
      const shared = new SharedMessages(() => 100, 250);
      const stop = new AbortController();
      const subscribers: Promise<void>[] = [];
      let last: number | undefined;
      const run = async (wanted: Selection, after: number, slowness: number) => {
        const seen: number[] = [];
        let through = String(after);
        const feed = subscribe(wanted, after, {
          log,
          tail,
          shared,
          bookmarkIntervalMs: 1,
          abort: stop.signal,
        });
        for await (const message of feed) {
          expect(message.after).toBe(through);
          through = message.through;
          seen.push(...revisionsIn(message));
          if (Number(through) === last) break;
          for (let i = 0; i < slowness; i++) await turn();
        }
        const matching = log.commits
          .slice(after)
          .filter(
            ({ batch }) =>
              (wanted.machines.length === 0 || wanted.machines.includes(batch.machine)) &&
              (wanted.signals.length === 0 || wanted.signals.includes(batch.samples[0]!.signal)),
          );
        expect(seen).toEqual(matching.map(({ revision }) => revision));
      };
      for (const step of actions) {
        if ("subscribe" in step) {
          subscribers.push(
            run(step.subscribe, Math.max(0, tail.head.revision - step.back), step.slowness),
          );
        } else if ("turns" in step) for (let i = 0; i < step.turns; i++) await turn();
        else {
          const commit = log.append(step);
          if (step.own) tail.publish([commit]);
          else tail.notice(commit.revision);
        }
      }
      last = log.commits.length;
      tail.notice(last);
      await tail.reach(last, AbortSignal.timeout(2_000));
      await Promise.all(subscribers);
    }),
    { numRuns: 300 },
  );
});

test("the first message comes at once and says where the feed starts", async () => {
  const log = new SimulatedLog({ pageSize: 10, waits: [0] });
  const tail = log.openTail(10_000);
  const { value } = await subscribe(everything, 0, { log, tail }).next();
  expect(value).toMatchObject({ after: "0", through: "0", batches: [] });
});

test("bookmarks come while nothing matches, also while much goes by that does not", async () => {
  vi.useFakeTimers();
  const log = new SimulatedLog({ pageSize: 10, waits: [0] });
  const tail = log.openTail(10_000);
  const feed = subscribe({ machines: ["m1"], signals: ["wanted"] }, 0, {
    log,
    tail,
    bookmarkIntervalMs: 5_000,
  });
  await feed.next();
  const next = feed.next();
  for (let i = 0; i < 6; i++) {
    await vi.advanceTimersByTimeAsync(1_000);
    tail.publish([log.append({ machine: "m1", signal: "other" })]);
  }
  await vi.advanceTimersByTimeAsync(0);
  const { value } = await Promise.race([next, Promise.resolve({ value: undefined })]);
  expect(value).toMatchObject({ after: "0", batches: [] });
  expect(Number(value!.through)).toBeGreaterThanOrEqual(4);
});

test("a bookmark passes over what other machines committed", async () => {
  vi.useFakeTimers();
  const log = new SimulatedLog({ pageSize: 10, waits: [0] });
  const tail = log.openTail(150);
  const feed = subscribe({ machines: ["m1"], signals: [] }, 0, {
    log,
    tail,
    bookmarkIntervalMs: 5_000,
  });
  await feed.next();
  const next = feed.next();
  for (let i = 0; i < 20; i++) tail.publish([log.append({ machine: "m2", signal: "s" })]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect((await next).value).toMatchObject({ after: "0", through: "20", batches: [] });
  expect(log.reads).toBe(0);
});

test("subscribers at the head share one message", async () => {
  const log = new SimulatedLog({ pageSize: 10, waits: [0] });
  const tail = log.openTail(10_000);
  let encoded = 0;
  const shared = new SharedMessages(() => ++encoded && 100);
  const feeds = Array.from({ length: 5 }, () => subscribe(everything, 0, { log, tail, shared }));
  for (const feed of feeds) await feed.next();
  tail.publish([log.append({ machine: "m", signal: "s" })]);
  const messages = await Promise.all(feeds.map(async (feed) => (await feed.next()).value));
  expect(new Set(messages).size).toBe(1);
  expect(encoded).toBe(1);
});

test("shared messages are bounded in bytes, whatever filters there are", () => {
  const shared = new SharedMessages(() => 40, 100);
  const stretch = { after: 0, through: 1, committedUs: 0, bytes: 20, toCursor: String };
  for (let i = 0; i < 50; i++) {
    shared.get(`filter ${i}`, { ...stretch, batches: [create(BatchSchema, { machine: "m" })] });
    expect(shared.bytes).toBeLessThanOrEqual(100);
  }
});

test("shared messages count what they hold beside their encoding, too", () => {
  const shared = new SharedMessages(() => 10, 1_000);
  const stretch = { after: 0, through: 1, committedUs: 0, toCursor: String };
  shared.get("filter", {
    ...stretch,
    bytes: 500,
    batches: [create(BatchSchema, { machine: "m" })],
  });
  expect(shared.bytes).toBe(510);
});

test.each(["memory", "the log"])(
  "commits out of %s are cut into messages, one too large for a message into parts",
  async (from) => {
    const log = new SimulatedLog({ pageSize: 1, waits: [0] });
    const tail = log.openTail(from === "memory" ? 1e9 : 1);
    const feed = subscribe(everything, 0, { log, tail, maxMessageBytes: 1_000 });
    await feed.next();
    const small = log.append({ machine: "m", signal: "s" });
    const large = log.append({ machine: "m", signal: "s" });
    large.batch.samples = Array.from({ length: 7 }, (_, i) =>
      create(SamplesSchema, column(`s${i}`, manySamples)),
    );
    large.bytes = 7 * 500;
    const last = log.append({ machine: "m", signal: "s" });
    tail.publish([small, large, last]);
    const seen: WatchSignalsResponse[] = [];
    for (const batches = () => seen.flatMap((message) => message.batches); ; ) {
      seen.push((await feed.next()).value!);
      if (seen.at(-1)!.through === "3") break;
      expect(batches().length).toBeLessThan(10);
    }
    const parts = seen.filter(({ batches }) =>
      batches.some(({ samples }) => samples[0]!.values.length > 1),
    );
    expect(parts.map(({ after, through, partial }) => [after, through, partial])).toEqual([
      ...[1, 2, 3].map(() => ["1", "1", true]),
      ["1", "2", false],
    ]);
    for (const part of parts)
      expect(toBinary(WatchSignalsResponseSchema, part).byteLength).toBeLessThanOrEqual(
        1_000 + 100,
      );
    const [first, ...rest] = parts.flatMap(({ batches }) => batches);
    expect(joinBatches([first!, ...rest]).samples.map(({ signal }) => signal)).toEqual(
      large.batch.samples.map(({ signal }) => signal),
    );
    expect(seen.map(({ after, through }) => [after, through])).toEqual(
      seen.map(({ through }, i) => [seen[i - 1]?.through ?? "0", through]),
    );
  },
);

const manySamples = Array.from({ length: 20 }, (_, i) => [epochUs + i * 3, i] as const);

test("messages out of memory end before they are too large, by what commits decode to", async () => {
  const log = new SimulatedLog({ pageSize: 10, waits: [0] });
  const tail = log.openTail(1e9);
  const feed = subscribe(everything, 0, { log, tail });
  await feed.next();
  tail.publish(
    Array.from({ length: 8 }, () => ({
      ...log.append({ machine: "m", signal: "s" }),
      bytes: 900_000,
    })),
  );
  const counts: number[] = [];
  while (counts.reduce((sum, count) => sum + count, 0) < 8)
    counts.push((await feed.next()).value!.batches.length);
  expect(counts).toEqual([2, 2, 2, 2]);
});

test("a feed that is called off ends with the reason, and listens no more", async () => {
  const log = new SimulatedLog({ pageSize: 10, waits: [0] });
  const tail = log.openTail(10_000);
  const stop = new AbortController();
  const feed = subscribe(everything, 0, { log, tail, abort: stop.signal });
  await feed.next();
  const next = feed.next();
  await turn();
  stop.abort(new Error("stopping"));
  await expect(next).rejects.toThrow("stopping");
  // With nobody listening, a foreign commit is passed over.
  log.append({ machine: "m", signal: "s" });
  tail.notice(1);
  while (tail.head.revision < 1) await turn();
  expect(tail.after(0)).toBeUndefined();
});
