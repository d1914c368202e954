// What an sender makes of the server's answers: losses counted once, waits kept, rejected records
// written before their batch is let go.
import { Code } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { RecordKind, WarningReason } from "#gen/millrace/v1/ingest_service_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { createLog } from "../../runtime/log.ts";
import { createMemoryOutbox } from "../outbox/outbox.ts";
import { failure, type Hooks, openIngestStub } from "../testing/ingest-stub.ts";
import { abort, appendAll, openPair } from "../testing/sequence-sender.ts";
import { SequenceSender } from "./sequence-sender.ts";

test("a loss that a welcome names again, since nothing has been sent beyond it, is counted once", async () => {
  const hooks: Hooks = {};
  const { stub, sender, lines } = await openPair(hooks);
  await appendAll(sender, 5);
  await sender.flush({ abort });
  hooks.welcome = {
    lastSequence: 5n,
    lost: { $typeName: "millrace.v1.SequenceRange", first: 3n, last: 5n },
  };
  let breaks = 2;
  hooks.beforeStore = (sequence) => {
    if (sequence === 6 && breaks-- > 0) throw failure(Code.Unavailable, "SHUTTING_DOWN");
  };
  await appendAll(sender, 1, 6);
  await sender.flush({ abort });
  expect(stub.state.hellos.length).toBeGreaterThan(2);
  expect(sender.counts.lostBatches).toBe(3);
  expect(lines.filter((line) => line.includes("LOST batches"))).toHaveLength(1);
});

test("the server is left alone for as long as it asks to be", async () => {
  const waits: number[] = [];
  let refusals = 2;
  const hooks: Hooks = {
    onHello() {
      if (refusals-- <= 0) return;
      const error = failure(Code.ResourceExhausted, "OVERLOADED");
      error.details.push({
        desc: RetryInfoSchema,
        value: { retryDelay: { seconds: 7n, nanos: 500_000_000 } },
      });
      throw error;
    },
  };
  const { sender } = await openPair(hooks, { onSleep: (ms) => void waits.push(ms) });
  await appendAll(sender, 1);
  await sender.flush({ abort });
  expect(waits).toHaveLength(2);
  for (const ms of waits) expect(ms).toBeGreaterThanOrEqual(7_500);
});

test("a batch is not let go of before its rejected records are written down", async () => {
  const verdict = {
    kind: RecordKind.SAMPLE,
    column: 0,
    first: 0,
    count: 1,
    message: "a sample is NaN",
    retryable: false,
  };
  const result = {
    verdicts: [
      {
        $typeName: "millrace.v1.Verdict" as const,
        ...verdict,
        reason: ErrorReason.VALUE_NOT_FINITE,
      },
    ],
  };
  const stub = await openIngestStub({ resultOf: () => result });
  onTestFinished(() => stub[Symbol.asyncDispose]());
  const asked = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const transport = createGrpcTransport({ baseUrl: stub.url });
  const sender = new SequenceSender({
    transport,
    producerId: "p-1",
    outbox: createMemoryOutbox({ maxBytes: 1 << 20 }),
    log: createLog({ name: "test", level: "silent" }),
    deadLetters: {
      unwritten: 0,
      write() {
        asked.resolve();
        return written.promise;
      },
      [Symbol.asyncDispose]: async () => {},
    },
  });
  onTestFinished(async () => {
    await sender[Symbol.asyncDispose]();
    transport[Symbol.dispose]();
  });
  await appendAll(sender, 1);
  await asked.promise;
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect([sender.held.batches, sender.counts.ackedBatches]).toEqual([1, 0]);
  written.resolve();
  await sender.flush({ abort });
  expect(sender.counts.ackedBatches).toBe(1);
});

test("a batch that is stored with a warning is a success: nothing rejected, no letter", async () => {
  const reason = WarningReason.NOT_COVERED;
  const warning = {
    $typeName: "millrace.v1.Warning" as const,
    reason,
    column: 0,
    message: "samples are far apart",
  };
  const { sender } = await openPair({ resultOf: () => ({ warnings: [warning] }) });
  await appendAll(sender, 3);
  await sender.flush({ abort });
  const nothing = { rejectedRecords: 0, refusedBatches: 0, duplicateBatches: 0 };
  expect(sender.counts).toMatchObject({ ackedBatches: 3, ...nothing, warnings: 3 });
});
