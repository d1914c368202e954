// The intake by itself: what it tells of the database, and that nothing is written for ids of an
// epoch that is over.
import { expect, test } from "vitest";
import { Epochs } from "../domain/epochs.ts";
import { Intake, type IntakeOptions } from "./intake.ts";
import { toHelloSender } from "./sequences.ts";

function open(write: () => Promise<unknown>) {
  const state = { told: [] as unknown[], written: 0 };
  const database = {
    write() {
      state.written++;
      return write();
    },
  };
  const epochs = new Epochs({
    epochs: [{ epoch: 2, firstRevision: 1 }],
    read: async () => [{ epoch: 2, firstRevision: 1 }],
    onMoved() {},
  });
  const options = {
    database,
    epochs,
    maxInFlightBytes: 1_000,
    producers: { maxProducers: 1, idempotencyWindowMs: 1 },
    onWrite: (error?: unknown) => void state.told.push(error),
    monotonicMs: () => 0,
  } as unknown as IntakeOptions;
  return { intake: new Intake(options, 0), state };
}

const sender = toHelloSender("p", undefined);

test("each write is told with what came of it", async () => {
  const away = new Error("the database is away");
  const failing = open(() => Promise.reject(away));
  await expect(failing.intake.open(sender, 0n)).rejects.toBe(away);
  expect(failing.state.told).toEqual([away]);
  const answering = open(async () => [[7, null, null, false]]);
  expect(await answering.intake.open(sender, 0n)).toMatchObject({ lastSequence: 7, epoch: 2 });
  expect(answering.state.told).toEqual([undefined]);
});

test("of a batch whose ids are of another epoch nothing is written", async () => {
  const { intake, state } = open(async () => []);
  const prepared = { sequence: 1, bytes: 1, rows: [], stateChanges: [], errorReports: [] } as never;
  await expect(intake.decide({ ...sender, prepared, epoch: 1 })).rejects.toMatchObject({
    reason: "DATABASE_UNAVAILABLE",
    retryAfterMs: 100,
  });
  expect(state).toEqual({ told: [], written: 0 });
  await intake.idle();
});
