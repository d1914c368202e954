import { Code } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import { failure, type Hooks, openIngestStub } from "../testing/ingest-stub.ts";
import {
  abort,
  appendAll,
  batchOf,
  firstValues,
  openPair,
  openTestSender,
  range,
} from "../testing/sequence-sender.ts";

test("batches arrive in order, each once, and close says that nothing is left", async () => {
  const { stub, sender } = await openPair();
  await appendAll(sender, 50);
  expect(await sender.close({ abort })).toEqual({ unackedBatches: 0, unackedRecords: 0 });
  expect(firstValues(stub.state.stored)).toEqual(range(50));
  expect(stub.state.arrivals).toEqual(range(50));
  expect(stub.state.hellos).toMatchObject([{ producerId: "p-1", lastAckedSequence: 0n }]);
  expect(sender.counts).toMatchObject({
    ackedBatches: 50,
    ackedRecords: 100,
    resentBatches: 0,
    breaks: 0,
  });
  await expect(sender.append(batchOf(51), { abort })).rejects.toThrow("closed");
});

test("what arrives is what was sent, bit for bit", async () => {
  const { stub, sender } = await openPair();
  const values = [-0, 5e-324, 1 / 3, 4211.7, Number.MAX_VALUE];
  await sender.append(batchOf(1, values), { abort });
  await sender.flush({ abort });
  expect(
    stub.state.stored[0]!.samples[0]!.values.every((value, i) => Object.is(value, values[i])),
  ).toBe(true);
});

test.each(["before it is stored", "after it is stored, before its ack"])(
  "a break %s loses and repeats nothing",
  async (when) => {
    const breakAt = new Set([1, 7, 20, 21, 40]);
    const hook = (sequence: number) => {
      if (breakAt.delete(sequence)) throw failure(Code.Unavailable, "SHUTTING_DOWN");
    };
    const { stub, sender } = await openPair(
      when.startsWith("before") ? { beforeStore: hook } : { beforeAck: hook },
    );
    await appendAll(sender, 40);
    await sender.flush({ abort });
    expect(firstValues(stub.state.stored)).toEqual(range(40));
    expect(sender.counts).toMatchObject({ ackedBatches: 40, ackedRecords: 80, breaks: 5 });
    expect(stub.state.streams).toBe(6);
  },
);

test("a batch that came twice is acknowledged once and counted as a duplicate", async () => {
  let lie = true;
  const hooks: Hooks = {
    onHello: () => {
      // A server that has stored batch 1 and does not say so: it comes again and is a duplicate.
      hooks.welcome = { lastSequence: 0n };
    },
    beforeAck: (sequence) => {
      if (sequence !== 1 || !lie) return;
      lie = false;
      throw failure(Code.Unavailable, "DATABASE_UNAVAILABLE");
    },
  };
  const { stub, sender } = await openPair(hooks);
  await appendAll(sender, 3);
  await sender.flush({ abort });
  expect(firstValues(stub.state.stored)).toEqual([1, 2, 3]);
  expect(sender.counts).toMatchObject({ ackedBatches: 3, duplicateBatches: 1 });
  expect(sender.counts.resentBatches).toBeGreaterThanOrEqual(1);
});

test("a server that goes away and comes back gets the rest, and tells of batches whose ack was lost", async () => {
  const first = await openIngestStub({ beforeAck: (sequence) => sequence <= 10 });
  const { port, state } = first;
  const bad = {
    kind: RecordKind.SAMPLE,
    column: 0,
    first: 1,
    count: 1,
    message: "",
    retryable: false,
  };
  const reason = ErrorReason.VALUE_NOT_FINITE;
  const hooks: Hooks = {
    resultOf: (sequence) =>
      sequence === 20
        ? { verdicts: [{ $typeName: "millrace.v1.Verdict", ...bad, reason }] }
        : undefined,
  };
  let down = 0;
  let second: Awaited<ReturnType<typeof openIngestStub>> | undefined;
  const { sender, lines } = openTestSender({
    port,
    async onSleep() {
      if (++down === 3) second = await openIngestStub(hooks, { port, stored: state.stored });
    },
  });
  onTestFinished(() => second?.[Symbol.asyncDispose]());
  await appendAll(sender, 30);
  while (state.stored.length < 30) await new Promise(setImmediate);
  await first[Symbol.asyncDispose]();
  await appendAll(sender, 30, 31);
  await sender.flush({ abort });
  expect(firstValues(state.stored)).toEqual(range(60));
  expect(second!.state.hellos).toMatchObject([{ lastAckedSequence: 10n }]);
  // 11 to 30 were stored, but nobody had said so.
  expect(second!.state.arrivals).toEqual(range(60).slice(10));
  expect(sender.counts).toMatchObject({ ackedBatches: 60, ackedRecords: 120, rejectedRecords: 1 });
  expect(lines.filter((line) => line.includes("no connection"))).toHaveLength(1);
});

test("the window is bounded: without acks, appends wait, and acks let them go on", async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { stub, sender } = await openPair({ beforeAck: () => held }, { maxBytes: 2000 });
  let taken = 0;
  const appending = (async () => {
    for (const n of range(200)) {
      await sender.append(batchOf(n), { abort });
      taken = n;
    }
  })();
  while (stub.state.arrivals.length === 0) await new Promise(setImmediate);
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  expect(sender.held.bytes).toBeLessThan(2100);
  expect(taken).toBe(sender.held.batches);
  expect(taken).toBeLessThan(60);
  release();
  await appending;
  await sender.flush({ abort });
  expect(firstValues(stub.state.stored)).toEqual(range(200));
});

test("a conflict stops the sender with a clear message", async () => {
  const hooks: Hooks = {
    beforeStore: (sequence) => {
      if (sequence === 3)
        throw failure(Code.AlreadyExists, "SEQUENCE_CONFLICT", {
          producer_id: "p-1",
          sequence: "3",
        });
    },
  };
  const { sender, lines } = await openPair(hooks);
  await appendAll(sender, 5);
  await expect(sender.flush({ abort })).rejects.toThrow(
    /batch 3 is already stored with different content. Two producers share/,
  );
  await expect(sender.append(batchOf(6), { abort })).rejects.toThrow(/Two producers share/);
  expect(sender.failed.aborted).toBe(true);
  expect(lines.filter((line) => line.includes(" error "))).toHaveLength(1);
  expect(sender.held.batches).toBe(3);
});

test("an id that another process has used is a failure, not silence: its batches are not taken for ours", async () => {
  const stub = await openIngestStub({}, { stored: range(5).map((n) => batchOf(n)) });
  onTestFinished(() => stub[Symbol.asyncDispose]());
  const { sender } = openTestSender({ port: stub.port });
  // A connection that is made before the first append must not make a difference.
  await expect(appendAll(sender, 8).then(() => sender.flush({ abort }))).rejects.toThrow(
    /Another producer uses this id/,
  );
  expect(stub.state.stored).toHaveLength(5);
  expect(sender.counts.ackedBatches).toBe(0);
});

test("a gap is closed from what is held", async () => {
  let gap = true;
  const hooks: Hooks = {
    beforeStore: (sequence) => {
      if (sequence !== 4 || !gap) return;
      gap = false;
      throw failure(Code.OutOfRange, "SEQUENCE_GAP", { sequence: "4", expected_sequence: "4" });
    },
  };
  const { stub, sender } = await openPair(hooks);
  await appendAll(sender, 6);
  await sender.flush({ abort });
  expect(firstValues(stub.state.stored)).toEqual(range(6));
});

test("a gap that reaches behind what is held is a failure", async () => {
  const hooks: Hooks = {
    beforeStore: (sequence) => {
      if (sequence === 4)
        throw failure(Code.OutOfRange, "SEQUENCE_GAP", { sequence: "4", expected_sequence: "2" });
    },
  };
  const { sender } = await openPair(hooks);
  await appendAll(sender, 3);
  await sender.flush({ abort });
  await sender.append(batchOf(4), { abort });
  await expect(sender.flush({ abort })).rejects.toThrow(
    /expects batch 2, which it had acknowledged/,
  );
});

test("batches that a restored server lost are reported, and numbering goes on", async () => {
  const hooks: Hooks = {};
  const { stub, sender, lines } = await openPair(hooks);
  await appendAll(sender, 5);
  await sender.flush({ abort });
  // Restored to batch 2. Its numbering goes on after what the hello names, as the contract says.
  hooks.welcome = {
    lastSequence: 2n,
    lost: { $typeName: "millrace.v1.SequenceRange", first: 3n, last: 5n },
  };
  let broken = false;
  hooks.beforeStore = (sequence) => {
    if (sequence === 6 && !broken) {
      broken = true;
      throw failure(Code.Unavailable, "SHUTTING_DOWN");
    }
  };
  await appendAll(sender, 2, 6);
  await sender.flush({ abort });
  expect(stub.state.hellos.at(-1)!.lastAckedSequence).toBe(5n);
  expect(stub.state.arrivals.slice(-2)).toEqual([6, 7]);
  expect(sender.counts.lostBatches).toBe(3);
  expect(lines.join("")).toMatch(/LOST batches.*first=3 last=5 batches=3/);
});

test("rejected records and refused batches are counted, and logged once for each reason in a while", async () => {
  const hooks: Hooks = {
    resultOf(sequence) {
      const verdict = {
        kind: RecordKind.SAMPLE,
        column: 0,
        first: 1,
        count: 1,
        message: "a sample is NaN",
      };
      const shared = { $typeName: "millrace.v1.Verdict" as const, retryable: false };
      if (sequence === 2) {
        const refusal = { reason: ErrorReason.BATCH_TOO_LARGE, message: "too large" };
        return { refusal: { $typeName: "millrace.v1.Refusal", ...refusal } };
      }
      return { verdicts: [{ ...shared, ...verdict, reason: ErrorReason.VALUE_NOT_FINITE }] };
    },
  };
  const { sender, lines } = await openPair(hooks);
  await appendAll(sender, 10);
  await sender.flush({ abort });
  expect(sender.counts).toMatchObject({ ackedBatches: 10, refusedBatches: 1, rejectedRecords: 11 });
  const rejections = lines.filter((line) => line.includes("rejected"));
  expect(rejections).toHaveLength(2);
  expect(rejections[0]).toContain(
    "samples rejected: a sample is NaN producerId=p-1 reason=VALUE_NOT_FINITE sequence=1 records=1",
  );
  expect(rejections[1]).toContain(
    "batch rejected: too large producerId=p-1 reason=BATCH_TOO_LARGE sequence=2 records=2",
  );
});

test("close gives up at its limit and says what has no ack", async () => {
  const { stub, sender, lines } = await openPair({ beforeAck: (sequence) => sequence <= 2 });
  await appendAll(sender, 5);
  while (stub.state.stored.length < 5 || sender.held.batches > 3) await new Promise(setImmediate);
  const limit = new AbortController();
  const closing = sender.close({ abort: limit.signal });
  limit.abort(new Error("limit"));
  expect(await closing).toEqual({ unackedBatches: 3, unackedRecords: 6 });
  expect(lines.join("")).toMatch(/closed without acks.*batches=3 records=6/);
});

test("without a server, batches wait, and close comes back at its limit", async () => {
  const stub = await openIngestStub();
  await stub[Symbol.asyncDispose]();
  const { sender } = openTestSender({ port: stub.port });
  await appendAll(sender, 2);
  while (sender.counts.breaks < 3) await new Promise(setImmediate);
  expect(sender.failed.aborted).toBe(false);
  const closed = await sender.close({ abort: AbortSignal.abort() });
  expect(closed).toEqual({ unackedBatches: 2, unackedRecords: 4 });
});
