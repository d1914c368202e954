// How many pieces a connection may send, how small, and how many in a round of the event loop.
import { setImmediate as nextRound } from "node:timers/promises";
import { expect, test } from "vitest";
import { Pieces } from "./pieces.ts";
import { ReadingQueue } from "./reading-queue.ts";

function open() {
  let nowMs = 0;
  const log: string[] = [];
  const [stop, start, end] = ["stop", "start", "end"].map(
    (what) => () => log.push(what),
  ) as (() => number)[];
  const queue = new ReadingQueue({ after: (run) => setImmediate(run) });
  const reading = { owner: "a", isClosed: false, stop: stop!, start: start!, end: end! };
  const pieces = new Pieces(reading, { queue, monotonicMs: () => nowMs });
  /** So many in rounds of their own, 500 at a time; answers how many were taken. */
  const send = async (count: number, bytes: number) => {
    let taken = 0;
    for (let i = 0; i < count; i++) {
      if (pieces.came(bytes)) taken++;
      if (i % 500 === 499) await nextRound();
    }
    await nextRound();
    return taken;
  };
  return { pieces, log, send, pass: (ms: number) => (nowMs += ms) };
}

test("a thousand small pieces may come, then 500 a second, then the connection is ended", async () => {
  const { log, send, pass } = open();
  expect(await send(1_000, 15)).toBe(1_000);
  pass(1_000);
  expect(await send(500, 1)).toBe(500);
  expect(log).toEqual([]);
  expect(await send(2, 1)).toBe(0);
  expect(log).toEqual(["end"]);
});

test("each larger piece lets four small ones come, and nobody saves them up", async () => {
  const { log, send } = open();
  await send(1_000, 1);
  await send(10, 16);
  expect(await send(40, 1)).toBe(40);
  await send(5_000, 16);
  expect(await send(1_000, 1)).toBe(1_000);
  expect(log).toEqual([]);
  await send(1, 1);
  expect(log).toEqual(["end"]);
});

test("a connection is read no further in a round that brought a thousand pieces, and again in the next", async () => {
  const { pieces, log } = open();
  const come = (count: number) => {
    for (let i = 0; i < count; i++) pieces.came(100);
  };
  await nextRound();
  come(999);
  expect(log).toEqual([]);
  come(3_001);
  expect(log).toEqual(["stop"]);
  await nextRound();
  expect(log).toEqual(["stop", "start"]);
  come(999);
  await nextRound();
  expect(log).toEqual(["stop", "start"]);
});

test("four thousand pieces in a round end the connection, and it is not read again", async () => {
  const { pieces, log } = open();
  for (let i = 0; i < 4_000; i++) pieces.came(100);
  expect(log).toEqual(["stop"]);
  expect(pieces.came(100)).toBe(false);
  expect(log).toEqual(["stop", "end"]);
  await nextRound();
  expect(log).toEqual(["stop", "end"]);
});

test("where others have brought two thousand in a round, a connection is stopped at 64", async () => {
  const [one, other, third] = [open(), open(), open()];
  const come = ({ pieces }: typeof one, count: number) => {
    for (let i = 0; i < count; i++) pieces.came(100);
  };
  await nextRound();
  come(one, 1_936);
  come(other, 63);
  expect(other.log).toEqual([]);
  come(other, 1);
  expect(other.log).toEqual(["stop"]);
  come(third, 63);
  expect(third.log).toEqual([]);
  await nextRound();
  await nextRound();
  expect(other.log).toEqual(["stop", "start"]);
  come(third, 999);
  expect(third.log).toEqual([]);
});
