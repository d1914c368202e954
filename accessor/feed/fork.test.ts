// Where the history forks: beyond what was published the tail forgets and goes on, below it
// everybody is told.
import { expect, test, vi } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { CursorFormat, type Epoch } from "../domain/cursor.ts";
import { Failure } from "../domain/failure.ts";
import type { Database } from "../store/database.ts";
import { commitOf, SimulatedLog, turn } from "../testing/simulated-log.ts";
import { createFilter } from "./filter.ts";
import { follow, SharedMessages } from "./follow.ts";
import { createEpochs } from "./fork.ts";
import { SentByFeeds } from "./sent.ts";

const origin = { machine: "m", signal: "s" };
const lost = new Failure("CURSOR_FOREIGN", "lost");
const rest = new Failure("SHUTTING_DOWN", "starts again");

function open({ published, waits = [0] }: { published: number; waits?: number[] }) {
  const log = new SimulatedLog({ pageSize: 100, waits });
  const tail = log.openTail(1_000_000);
  for (let i = 0; i < published; i++) tail.publish([log.append(origin)]);
  return { log, tail };
}

const unaborted = () => new AbortController().signal;

test("own commits and news from beyond the fork are forgotten, and their revisions are published once they are others'", async () => {
  const { log, tail } = open({ published: 2 });
  using _ = tail.listen({ machines: undefined, wake: () => {} });
  // 4 is our own and was lost together with 3, which somebody else made.
  tail.publish([commitOf(4, { machine: "lost", signal: "s" })]);
  const waiting = tail.reach(4, unaborted());
  tail.cutBack({ revision: 3, failure: lost });
  await expect(waiting).rejects.toBe(lost);
  for (let i = 0; i < 2; i++) log.append(origin);
  tail.notice(4);
  await tail.reach(4, unaborted());
  expect(tail.after(0)!.map(({ batch }) => batch.machine)).toEqual(["m", "m", "m", "m"]);
});

test("who waits for what both histories have goes on waiting", async () => {
  const { log, tail } = open({ published: 2 });
  const waiting = tail.reach(3, unaborted());
  tail.cutBack({ revision: 4, failure: lost });
  log.append(origin);
  tail.notice(3);
  await waiting;
});

test("a revision that nobody looked at is not passed over into what was given up", async () => {
  const { tail } = open({ published: 2, waits: [3] });
  tail.notice(9);
  tail.cutBack({ revision: 5, failure: lost });
  for (let i = 0; i < 20; i++) await turn();
  expect(tail.head.revision).toBeLessThan(5);
});

test("feeds past the fork end by name, the others to come again, and nothing is published any more", async () => {
  const { log, tail } = open({ published: 3 });
  const feed = (after: number) =>
    follow({
      tail,
      filter: createFilter({ machines: ["m"], signals: [] }, undefined),
      after,
      bookmarkIntervalMs: 3_600_000,
      readLog: (range) => log.read(range),
      readCommitTime: async () => undefined,
      toCursor: String,
      sent: new SentByFeeds(),
      shared: new SharedMessages(() => 0),
      abort: unaborted(),
    });
  const atHead = feed(3);
  const slow = feed(1);
  for (const each of [atHead, slow]) await each.next();
  const next = atHead.next();
  await turn();
  tail.end({ revision: 3, failure: lost, rest });
  await expect(next).rejects.toBe(lost);
  await expect(slow.next()).rejects.toBe(rest);
  await expect(tail.reach(9, unaborted())).rejects.toBe(lost);
  tail.publish([log.append(origin)]);
  tail.notice(4);
  expect(tail.head.revision).toBe(3);
  expect(() => tail.assertHolds(0)).toThrow(rest);
});

const before: Epoch[] = [{ epoch: 1, firstRevision: 1 }];

/** What an accessor does whose database answers that another epoch began at `fork`. */
function openEpochs({ published, fork }: { published: number; fork: number }) {
  const { log, tail } = open({ published });
  const rows = [
    { epoch: 1, first_revision: "1" },
    { epoch: 2, first_revision: String(fork) },
  ];
  const connect = async () => ({ query: async () => ({ rows }), end: async () => {} });
  const forget = vi.fn();
  const onGivenUp = vi.fn();
  const cursors = new CursorFormat("0".repeat(16), before);
  const epochs = createEpochs({ connect } as unknown as Database, {
    epochs: before,
    cursors,
    tail: () => tail,
    forget,
    onGivenUp,
    log: createLog({ name: "test", level: "silent" }),
  });
  return { log, tail, epochs, cursors, forget, onGivenUp };
}

test("below what was published: whoever waits is told by name, then the process is given up", async () => {
  const { tail, epochs, cursors, forget, onGivenUp } = openEpochs({ published: 3, fork: 3 });
  const waiting = tail.reach(4, unaborted());
  const told = expect(waiting).rejects.toMatchObject({
    reason: "CURSOR_FOREIGN",
    metadata: { latest_cursor: cursors.encode(2) },
  });
  await expect(epochs.follow(2)).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
  await told;
  expect(() => tail.assertHolds(1)).toThrow("this server restarts");
  await vi.waitFor(() =>
    expect(onGivenUp).toHaveBeenCalledWith(expect.stringContaining("without revision 3")),
  );
  expect(forget).not.toHaveBeenCalled();
});

test("beyond what was published: ids are forgotten, whoever waits for what was lost is told, and it goes on", async () => {
  const { log, tail, epochs, forget, onGivenUp } = openEpochs({ published: 3, fork: 4 });
  const waiting = expect(tail.reach(5, unaborted())).rejects.toMatchObject({
    reason: "CURSOR_FOREIGN",
  });
  await epochs.follow(2);
  await waiting;
  expect(forget).toHaveBeenCalledOnce();
  tail.publish([log.append(origin)]);
  await tail.reach(4, unaborted());
  expect(epochs.current).toBe(2);
  expect(onGivenUp).not.toHaveBeenCalled();
});
