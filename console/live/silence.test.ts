// When a machine looks silent, by an injected clock.
import { expect, test } from "vitest";
import { ServerClock } from "./server-clock.ts";
import { ArrivalRhythm, isSilent } from "./silence.ts";

test("a machine at 100 Hz looks silent after 5 s, a slow one after four of its distances", () => {
  const quick = new ArrivalRhythm();
  for (let ms = 0; ms < 3_000; ms += 100) quick.note(ms);
  expect(quick.silentAfterUs).toBe(5e6);
  const slow = new ArrivalRhythm();
  for (let ms = 0; ms < 300_000; ms += 30_000) slow.note(ms);
  expect(slow.silentAfterUs).toBe(120e6);
});

test("nothing is known of a machine before its second arrival, and a pause is no rhythm", () => {
  const rhythm = new ArrivalRhythm();
  expect(rhythm.silentAfterUs).toBe(15e6);
  rhythm.note(0);
  expect(rhythm.silentAfterUs).toBe(15e6);
  rhythm.note(1_000);
  rhythm.note(86_400_000);
  expect(rhythm.silentAfterUs).toBe(600e6);
});

test("silence is the age of the newest record", () => {
  const machine = { lastRecordUs: 1e6, silentAfterUs: 5e6 };
  expect([isSilent(machine, 6e6), isSilent(machine, 6e6 + 1)]).toEqual([false, true]);
});

test("the server's clock is ahead by the greatest bound of the last minutes", () => {
  const clock = new ServerClock();
  expect(clock.offsetMs).toBe(0);
  clock.note(10_000, 9_000);
  clock.note(11_000, 10_050);
  expect(clock.offsetMs).toBe(1_000);
  clock.note(20_000, 18_900);
  expect(clock.offsetMs).toBe(1_100);
  // Old bounds go: the browser's clock may have been set.
  clock.note(500_000, 499_500);
  expect(clock.offsetMs).toBe(500);
});
