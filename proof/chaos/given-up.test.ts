// The oracle of a promotion that loses commits: it permits the loss of commits that were given up,
// and of nothing else.
import { expect, test } from "vitest";
import { CursorFormat } from "../../accessor/domain/cursor.ts";
import { type Content, keyOf } from "./content.ts";
import { GivenUp } from "./given-up.ts";
import { judgeBefore } from "./judge-fork.ts";
import { judge } from "./oracle.ts";
import type { RoundRecord } from "./record.ts";
import type { Stored } from "./stored.ts";
import type { Feed } from "./subscriber.ts";
import type { Writer } from "./writer.ts";

const first = { epoch: 1, firstRevision: 1 };
const id = "0b9b2f0e-6d0f-4b8b-8f39-0d2f5c8b4a11";
/** Revisions 4 to 6 of the former history are given up. */
const fork = { revision: 4, epoch: 1 };
const before = new CursorFormat(id, [first]);
const now = new CursorFormat(id, [first, { epoch: 70_000, firstRevision: fork.revision }]);

const contentOf = (name: string): Content => ({ machine: "m", parts: new Map([["s", name]]) });
const key = (name: string) => keyOf(contentOf(name));

/**
 * A history of commits by these names, each the batch of that number of producer p; "" for a batch
 * without stored records.
 */
function stored(names: readonly string[]): Stored {
  const none = {
    quarantined: 0,
    stateRows: new Map<number, number>(),
    errorRows: new Map<number, number>(),
  };
  const commits: Stored["commits"] = new Map();
  const receipts = names.map((name, i) => {
    const revision = name === "" ? commits.size : commits.size + 1;
    if (name !== "")
      commits.set(revision, {
        revision,
        content: contentOf(name),
        columns: new Map(),
        states: [],
        errors: [],
      });
    return { producer: "p", sequence: i + 1, revision };
  });
  return { commits, receipts, head: commits.size, watermark: 0, ...none };
}

const former = ["a", "b", "c", "d", "e", "f"];
const further = ["a", "b", "c", "D", "E"];

function writerOf(
  names: readonly string[],
  acked: readonly [number, string][],
  more: Partial<Writer> = {},
): Writer {
  const make = (sequence: number) => ({
    content: names[sequence - 1]
      ? contentOf(names[sequence - 1]!)
      : { machine: "m", parts: new Map() },
  });
  const options = { producer: "p", variant: 0, shared: false };
  return {
    options,
    sent: names.length,
    acked: new Map(acked),
    doubts: [],
    told: new Set(),
    make,
    ...more,
  } as never;
}

type Case = { feed?: Feed & { past?: Feed[] }; writers?: Writer[]; was?: string[]; is?: string[] };

function violationsOf({ feed, writers, was = former, is = further }: Case): string[] {
  const violations: string[] = [];
  const record: RoundRecord = {
    folder: "",
    violations,
    note() {},
    violation: (text) => violations.push(text),
    flush() {},
  };
  const givenUp = new GivenUp(fork, { before: stored(was), now: stored(is) });
  const subscribers = feed
    ? [{ options: { name: "w", machines: [], signals: [] }, past: [], ...feed }]
    : [];
  const judged = {
    stored: stored(is),
    writers: writers ?? [writerOf(is, [])],
    subscribers,
    record,
  };
  judge({ ...judged, answers: [], givenUp });
  judgeBefore(givenUp, judged);
  return violations;
}

const feedOf = (from: string, to: string, names: readonly string[]): Feed => ({
  startCursor: from,
  cursor: to,
  seen: names.map(key),
});

test("who was sent what is gone is told by name, and goes on with what is", () => {
  const past = [feedOf(before.encode(0), before.encode(6), former)];
  const next = feedOf(before.encode(3), now.encode(5), ["D", "E"]);
  expect(violationsOf({ feed: { ...next, past } })).toEqual([]);
  expect(violationsOf({ feed: feedOf(before.encode(0), now.encode(5), further) })).toEqual([]);
  const behind = feedOf(before.encode(2), now.encode(5), ["c", "D", "E"]);
  expect(violationsOf({ feed: { ...behind, past } })).toEqual([
    expect.stringContaining("told to go on after 2"),
  ]);
});

test("a feed that goes on over the fork in silence", () => {
  expect(violationsOf({ feed: feedOf(before.encode(0), before.encode(6), former) })).toEqual([
    "w goes on after 6, which was given up, and was told nothing",
  ]);
  // Its accessor adopted the new epoch, and skipped the commits that replace the lost ones.
  const over = feedOf(before.encode(0), now.encode(5), [...former.slice(0, 4), "E"]);
  expect(violationsOf({ feed: over })).toEqual([expect.stringContaining("revision 4 never came")]);
});

test("what came before the fork was told is held against the former history", () => {
  const next = feedOf(before.encode(3), now.encode(5), ["D", "E"]);
  const past = [feedOf(before.encode(0), before.encode(6), ["a", "b", "c", "e", "f"])];
  expect(violationsOf({ feed: { ...next, past } })).toEqual([
    expect.stringContaining("revision 4 never came"),
  ]);
});

test("told of a loss that is none", () => {
  const past = [feedOf(before.encode(0), before.encode(3), ["a", "b", "c"])];
  const next = feedOf(before.encode(3), now.encode(5), ["D", "E"]);
  expect(violationsOf({ feed: { ...next, past } })).toEqual([
    expect.stringContaining("none that it was sent were"),
  ]);
});

test("an acknowledged batch may be missing beyond the fork only, and its producer is told", () => {
  const is = further.slice(0, 3);
  const acked = (count: number) =>
    former.slice(0, count).map((_, i): [number, string] => [i + 1, before.encode(i + 1)]);
  const of = (count: number, more: Partial<Writer> = {}) => [writerOf(former, acked(count), more)];
  expect(violationsOf({ is, writers: of(6) })).toEqual([]);
  expect(violationsOf({ is: ["a", "b"], writers: of(6) })).toEqual([
    "revision 3 is another one since the promotion, which was at 4",
    "batch p 3 was at 3, below the promotion at 4, and is not there",
  ]);
  expect(violationsOf({ is: ["a"], writers: of(6) })).toContain(
    "batch p 2 was acknowledged and is not stored",
  );
  expect(violationsOf({ is, was: former.slice(0, 5), writers: of(6) })).toContain(
    "batch p 6 was acknowledged and is not stored",
  );
  // It continued after the sequences that it had acks for.
  const wentOn = (told: Set<number>) => {
    const all = [...former, "g"];
    return [writerOf(all, [...acked(6), [7, now.encode(4)]], { told })];
  };
  const gone = stored(["a", "b", "c"]);
  gone.commits.set(4, {
    revision: 4,
    content: contentOf("g"),
    columns: new Map(),
    states: [],
    errors: [],
  });
  const violations: string[] = [];
  const record = {
    folder: "",
    violations,
    note() {},
    violation: (text: string) => violations.push(text),
    flush() {},
  };
  const now7 = {
    ...gone,
    receipts: [...gone.receipts, { producer: "p", sequence: 7, revision: 4 }],
  };
  const givenUp = new GivenUp(fork, { before: stored(former), now: now7 });
  for (const told of [new Set([4, 5, 6]), new Set<number>()])
    judgeBefore(givenUp, { stored: now7, writers: wentOn(told), subscribers: [], record });
  expect(violations).toEqual(
    [4, 5, 6].map(
      (at) => `batch p ${at} is gone, and its producer went on through 7 and was told nothing`,
    ),
  );
});

test("a doubt holds unless the batch was given up; one of which nothing is stored may be, at the revision before", () => {
  const doubts = [3, 4].map((sequence) => ({ sequence, text: `doubt ${sequence}` }));
  expect(
    violationsOf({ is: former.slice(0, 3), writers: [writerOf(former, [], { doubts })] }),
  ).toEqual(["doubt 3"]);
  const was = ["a", "b", "c", "", "d"];
  const ack: [number, string] = [4, before.encode(3)];
  expect(violationsOf({ was, is: ["a", "b", "c"], writers: [writerOf(was, [ack])] })).toEqual([]);
  // Sent again before anything else was sent: its receipt has the position of the first one.
  const again = [{ sequence: 4, text: "the welcome says that it is lost" }];
  expect(
    violationsOf({
      was,
      is: ["a", "b", "c", ""],
      writers: [writerOf(was, [ack], { doubts: again })],
    }),
  ).toEqual([]);
  const of3 = [{ sequence: 3, text: "the welcome says that 3 is lost" }];
  expect(
    violationsOf({ was, is: ["a", "b", "c"], writers: [writerOf(was, [], { doubts: of3 })] }),
  ).toEqual([of3[0]!.text]);
});
