// From a message to its acknowledgement: when records and dead letters are on disk, once for each
// message that the broker sends again, and within bounds.
import { expect, test } from "vitest";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { Duplicates, MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { countRecords } from "../../codec/wire/count-records.ts";
import { eventually } from "../../test/testing/eventually.ts";
import type { Delivery, Reading } from "../mapping/delivery.ts";
import { createRecordStore } from "../store/record-store.ts";
import { createIntake, createReceiveClock, type Message } from "./intake.ts";

const reading = (records: number, faults: string[] = []): Reading => ({
  records: Array.from({ length: records }, (_, i) => ({
    kind: "state" as const,
    machine: `m${i % 2}`,
    timeUs: i,
    state: MachineState.IDLE,
    reason: "",
  })),
  faults,
  skipped: undefined,
  answers: [],
});

/** An intake whose disk is a list of batches, each of which is written when the test says so. */
function openTestIntake(
  given: {
    read?: (delivery: Delivery) => Reading;
    maxWaiting?: number;
    letters?: () => Promise<void>;
    batchIntervalMs?: number;
    quietMs?: number;
  } = {},
) {
  const writing: { batch: Batch; done: PromiseWithResolvers<void> }[] = [];
  const failures: unknown[] = [];
  const deliveries: Delivery[] = [];
  const store = createRecordStore({
    append(batch) {
      const done = Promise.withResolvers<void>();
      writing.push({ batch, done });
      return done.promise;
    },
    batchIntervalMs: given.batchIntervalMs ?? 20,
    quietMs: given.quietMs ?? 1,
    onFailure: (error) => failures.push(error),
  });
  const intake = createIntake({
    read(delivery) {
      deliveries.push(delivery);
      return given.read?.(delivery) ?? reading(1);
    },
    store,
    letters: { write: given.letters ?? (async () => {}) },
    receiveUs: createReceiveClock(() => 1000),
    inFlight: 10,
    publish() {},
    ...(given.maxWaiting === undefined ? {} : { maxWaiting: given.maxWaiting }),
  });
  const acked: number[] = [];
  const take = (messageId: number, more: Partial<Message> = {}) =>
    intake.take(
      {
        topic: "t",
        payload: Buffer.from("x"),
        qos: 1,
        messageId,
        retain: false,
        dup: false,
        ...more,
      },
      (onSent) => {
        acked.push(messageId);
        onSent();
      },
    );
  return { intake, store, take, acked, writing, failures, deliveries };
}

const finish = (writing: { done: PromiseWithResolvers<void> }[]) => {
  for (const { done } of writing) done.resolve();
};

test("messages of a moment share batches, and are acknowledged when all of them are on disk", async () => {
  const { take, acked, writing, intake } = openTestIntake({ read: () => reading(2) });
  for (const id of [1, 2, 3]) take(id);
  await eventually("both machines are being written", () => writing.length === 2);
  expect(writing.map(({ batch }) => countRecords(batch))).toEqual([3, 3]);
  writing[0]!.done.resolve();
  await new Promise(setImmediate);
  expect(acked).toEqual([]);
  writing[1]!.done.resolve();
  await eventually("all are acknowledged", () => acked.length === 3);
  expect(acked).toEqual([1, 2, 3]);
  expect(intake.counts).toMatchObject({ messages: 3, records: 6, deadLetters: 0 });
});

test("records drop duplicates, unless their rule keeps them", async () => {
  const [first, second] = reading(2).records;
  const kept = { ...first!, machine: "kept", duplicates: Duplicates.KEEP };
  const { take, writing } = openTestIntake({
    read: () => ({ ...reading(0), records: [second!, kept] }),
  });
  take(1);
  await eventually("both machines are being written", () => writing.length === 2);
  const declared = writing.map(({ batch }) => [batch.machine, batch.eventDuplicates]);
  expect(Object.fromEntries(declared)).toEqual({ m1: Duplicates.DROP, kept: Duplicates.KEEP });
});

test("while a round is being written the next one gathers, and follows it", async () => {
  const { take, acked, writing } = openTestIntake();
  take(1);
  await eventually("the first is being written", () => writing.length === 1);
  for (const id of [2, 3, 4]) take(id);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(writing).toHaveLength(1);
  finish(writing);
  await eventually("the others are being written", () => writing.length === 2);
  expect(countRecords(writing[1]!.batch)).toBe(3);
  expect(acked).toEqual([1]);
});

test("a dead letter is on disk before its message is acknowledged", async () => {
  const letter = Promise.withResolvers<void>();
  const { take, acked, intake } = openTestIntake({
    read: () => reading(0, ["not JSON"]),
    letters: () => letter.promise,
  });
  take(1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(acked).toEqual([]);
  letter.resolve();
  await eventually("it is acknowledged", () => acked.length === 1);
  expect(intake.counts.deadLetters).toBe(1);
});

test("a message that the broker sends again is not stored again", async () => {
  const { take, acked, writing, deliveries, intake } = openTestIntake();
  take(1);
  // Before it is acknowledged, the broker need not say that it sends it again.
  take(1);
  await eventually("it is being written", () => writing.length === 1);
  finish(writing);
  await eventually("both are acknowledged", () => acked.length === 2);
  take(1, { dup: true });
  await eventually("a third is acknowledged too", () => acked.length === 3);
  expect(deliveries).toHaveLength(1);
  expect(intake.counts.redelivered).toBe(2);
});

test.each([
  ["other content", { dup: true, payload: Buffer.from("y") }],
  ["another topic", { dup: true, topic: "u" }],
  ["an id that is used again", { dup: false }],
])("%s is another message", async (_, more) => {
  const { take, deliveries, writing, acked } = openTestIntake();
  take(1);
  await eventually("it is being written", () => writing.length === 1);
  finish(writing);
  await eventually("it is acknowledged", () => acked.length === 1);
  take(1, more);
  expect(deliveries).toHaveLength(2);
});

test("in another session of the broker an id means another message", () => {
  const { take, deliveries, intake } = openTestIntake();
  take(1);
  intake.newSession();
  take(1, { dup: true });
  expect(deliveries).toHaveLength(2);
});

test("too many that wait leave no room until enough are on disk", async () => {
  const { take, writing, acked } = openTestIntake({ maxWaiting: 2 });
  expect(take(1).room).toBeUndefined();
  const { room } = take(2);
  expect(room).toBeInstanceOf(Promise);
  await eventually("they are being written", () => writing.length === 1);
  finish(writing);
  await room;
  expect(acked).toEqual([1, 2]);
  expect(take(3).room).toBeUndefined();
});

test("after a failure of the disk nothing more is acknowledged", async () => {
  const { take, writing, acked, failures, store } = openTestIntake();
  take(1);
  await eventually("it is being written", () => writing.length === 1);
  writing[0]!.done.reject(new Error("no disk"));
  await eventually("the failure is known", () => failures.length === 1);
  take(2);
  await store.flush();
  expect([acked, writing.length]).toEqual([[], 1]);
});

test("the time of receipt is never the same twice, and follows a clock that is set back", () => {
  let nowMs = 1000;
  const next = createReceiveClock(() => nowMs);
  expect([next(), next(), next()]).toEqual([1e6, 1e6 + 1, 1e6 + 2]);
  nowMs = 1000.5;
  expect(next()).toBe(1_000_500);
  nowMs = 999;
  expect(next()).toBe(1_000_501);
  nowMs = -1000;
  expect(next()).toBe(-1e6);
});
