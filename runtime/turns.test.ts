// Long work lets others run, and not more often than it must.
import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

test("a turn ends when it has lasted long enough, and others then run", async () => {
  let nowMs = 0;
  const turns = new Turns({ maxMs: 10, monotonicMs: () => nowMs });
  let others = 0;
  let stopped = false;
  const other = () => {
    others++;
    if (!stopped) setImmediate(other);
  };
  setImmediate(other);
  for (let piece = 0; piece < 9; piece++) {
    nowMs += 1;
    await turns.pause();
  }
  expect(others).toBe(0);
  nowMs += 1;
  await turns.pause();
  expect(others).toBe(1);
  nowMs += 9;
  await turns.pause();
  expect(others).toBe(1);
  nowMs += 1;
  await turns.pause();
  expect(others).toBe(2);
  stopped = true;
});
