// Whoever reads the database next learns of another epoch, once for all who ask at the same time,
// and goes no further with the old one.
import { expect, test } from "vitest";
import type { Epoch } from "./cursor.ts";
import { Epochs, forkOf, moved } from "./epochs.ts";

const one: Epoch[] = [{ epoch: 1, firstRevision: 1 }];
const two: Epoch[] = [...one, { epoch: 2, firstRevision: 51 }];

function open({
  answers = [two],
  givesUp = false,
}: {
  answers?: Epoch[][];
  givesUp?: boolean;
} = {}) {
  const forks: number[] = [];
  const state = { reads: 0, forks };
  const epochs = new Epochs({
    epochs: one,
    async read() {
      return answers[Math.min(state.reads++, answers.length - 1)]!;
    },
    onMoved(_, fork) {
      forks.push(fork);
      if (givesUp) throw new Error("given up");
    },
  });
  return { epochs, state };
}

test("a thousand who see another epoch at once read twice at most, and the same epoch again reads nothing", async () => {
  const { epochs, state } = open();
  await Promise.all(Array.from({ length: 1_000 }, () => epochs.follow(2)));
  expect(state).toEqual({ reads: state.reads, forks: [51] });
  expect(state.reads).toBeLessThanOrEqual(2);
  const { reads } = state;
  for (let i = 0; i < 1_000; i++) await epochs.follow(2);
  expect(state.reads).toBe(reads);
  expect(epochs.current).toBe(2);
});

test("an epoch that is about to begin is read by a read that starts after it was seen", async () => {
  const { epochs, state } = open({ answers: [one, two] });
  const early = epochs.follow(null);
  const late = epochs.follow(null);
  await early;
  await late;
  expect(state).toEqual({ reads: 2, forks: [51] });
});

test("an answer of a server that is no longer the primary is used by nobody", async () => {
  const { epochs, state } = open({ answers: [two] });
  await epochs.follow(2);
  await expect(epochs.follow(1)).rejects.toMatchObject({ reason: "DATABASE_UNAVAILABLE" });
  expect(state.forks).toEqual([51]);
  const stale = epochs.within(async () => ({ epoch: 1 }));
  await expect(stale).rejects.toMatchObject({ reason: "DATABASE_UNAVAILABLE" });
  expect(() => epochs.assertHolds({ epoch: 1, revision: 51 })).toThrow(moved().message);
  epochs.assertHolds({ epoch: 1, revision: 50 });
  epochs.assertHolds({ epoch: 2, revision: 51 });
});

test("what was read while another epoch began is read again", async () => {
  const { epochs } = open();
  let read = 0;
  const answer = await epochs.within(async () => {
    // The poll notices first.
    if (read++ === 0) await epochs.follow(2);
    return { epoch: read === 1 ? 1 : 2, rows: read };
  });
  expect(answer).toEqual({ epoch: 2, rows: 2 });
  expect(await epochs.within(async () => ({ epoch: undefined }))).toEqual({ epoch: undefined });
});

test("a process that has given up what it knew goes on with nothing", async () => {
  const { epochs, state } = open({ givesUp: true });
  for (let again = 0; again < 3; again++)
    await expect(epochs.follow(2)).rejects.toThrow("given up");
  await expect(epochs.follow(1)).rejects.toThrow("given up");
  expect(() => epochs.current).toThrow("given up");
  expect(() => epochs.assertHolds({ epoch: 1, revision: 1 })).toThrow("given up");
  expect(state).toEqual({ reads: 1, forks: [51] });
});

test("a failed read fails those who wait for it, and the next one is tried", async () => {
  let reads = 0;
  const epochs = new Epochs({
    epochs: one,
    async read() {
      if (reads++ === 0) throw new Error("away");
      return two;
    },
    onMoved: () => {},
  });
  await expect(epochs.follow(2)).rejects.toThrow("away");
  await epochs.follow(2);
  expect(epochs.current).toBe(2);
});

test("where two histories fork", () => {
  const other = (epoch: number, firstRevision: number) => [...one, { epoch, firstRevision }];
  expect(forkOf(one, one)).toBeUndefined();
  expect(forkOf(one, two)).toBe(51);
  expect(forkOf(two, one)).toBe(51);
  expect(forkOf(two, other(3, 40))).toBe(40);
  expect(forkOf(other(3, 40), two)).toBe(40);
  expect(forkOf(two, [...two, { epoch: 3, firstRevision: 60 }])).toBe(60);
});
