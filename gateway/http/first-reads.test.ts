// The order of turns among new connections that bring much at once.
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { FirstReads } from "./first-reads.ts";

const round = () => new Promise((resolve) => setImmediate(resolve));
const socketOf = (remoteAddress: string) =>
  ({ remoteAddress, destroyed: false }) as Socket & { destroyed: boolean };

function open() {
  let nowMs = 0;
  const begun: string[] = [];
  const later: { run: () => void; delayMs: number }[] = [];
  const reads = new FirstReads({
    monotonicMs: () => nowMs,
    after: (run, delayMs) => later.push({ run, delayMs }),
  });
  const take = (name: string, bytes: number, socket = socketOf(name.split(" ")[0]!)) => {
    reads.take(socket, bytes, () => {
      begun.push(name);
      nowMs += 50;
    });
    return socket;
  };
  return { begun, later, take };
}

test("what brings little begins at once, also behind what brings much", () => {
  const { begun, take } = open();
  take("a much", 65_536);
  take("b much", 65_536);
  take("c little", 4_096);
  expect(begun).toEqual(["a much", "c little"]);
});

test("what brings much begins one after the other, addresses in turn, others between them as long as it took", async () => {
  const { begun, later, take } = open();
  for (const name of ["a 1", "a 2", "a 3"]) take(name, 65_536);
  const gone = take("b gone", 65_536);
  for (const name of ["b 1", "c 1"]) take(name, 65_536);
  gone.destroyed = true;
  for (let i = 0; i < 5; i++) {
    await round();
    expect(later).toHaveLength(1);
    const [{ run, delayMs }] = later.splice(0) as [{ run: () => void; delayMs: number }];
    expect(delayMs).toBe(50);
    run();
  }
  expect(begun).toEqual(["a 1", "a 2", "b 1", "c 1", "a 3"]);
});
