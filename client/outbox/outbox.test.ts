// An outbox numbers, keeps until acknowledged, and holds back when full.
import { expect, test } from "vitest";
import { createMemoryOutbox } from "./outbox.ts";

const { signal: abort } = new AbortController();
const encode = (length: number) => (sequence: number) => new Uint8Array(length).fill(sequence);
/** Whether a promise is settled once everything that is ready has run. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  await new Promise(setImmediate);
  return done;
}

test("batches are numbered from 1 and read by number", async () => {
  const outbox = createMemoryOutbox({ maxBytes: 100 });
  expect(await outbox.append(5, encode(3), { abort })).toBe(1);
  expect(await outbox.append(6, encode(4), { abort })).toBe(2);
  expect(await outbox.read(2, { abort })).toEqual({
    sequence: 2,
    bytes: new Uint8Array([2, 2, 2, 2]),
    records: 6,
  });
  expect(outbox.held).toEqual({ batches: 2, bytes: 7, records: 11 });
  expect(outbox.ack(1)).toBe(5);
  expect(outbox.ack(1)).toBe(0);
  expect(await outbox.read(1, { abort })).toBeUndefined();
  expect(outbox.held).toEqual({ batches: 1, bytes: 4, records: 6 });
});

test("a full outbox holds appends back, in order, until acks make room", async () => {
  const outbox = createMemoryOutbox({ maxBytes: 10 });
  for (let i = 0; i < 2; i++) await outbox.append(1, encode(5), { abort });
  const third = outbox.append(1, encode(9), { abort });
  const fourth = outbox.append(1, encode(1), { abort });
  expect(await settled(third)).toBe(false);
  outbox.ack(1);
  expect(await third).toBe(3);
  expect(await settled(fourth)).toBe(false);
  expect(outbox.held.bytes).toBe(14);
  outbox.ack(3);
  expect(await fourth).toBe(4);
});

test("an append that is given up takes no number", async () => {
  const outbox = createMemoryOutbox({ maxBytes: 1 });
  await outbox.append(1, encode(5), { abort });
  const stop = new AbortController();
  const given = outbox.append(1, encode(1), { abort: stop.signal });
  const next = outbox.append(1, encode(1), { abort });
  stop.abort(new Error("given up"));
  await expect(given).rejects.toThrow("given up");
  outbox.ack(1);
  expect(await next).toBe(2);
});

test("a read waits for its batch, and ends with the outbox or its signal", async () => {
  const outbox = createMemoryOutbox({ maxBytes: 100 });
  const first = outbox.read(1, { abort });
  expect(await settled(first)).toBe(false);
  await outbox.append(1, encode(1), { abort });
  expect((await first)?.sequence).toBe(1);
  const stop = new AbortController();
  const stopped = outbox.read(2, { abort: stop.signal });
  const closed = outbox.read(2, { abort });
  stop.abort();
  expect(await stopped).toBeUndefined();
  expect(await settled(closed)).toBe(false);
  outbox.close(new Error("closed"));
  expect(await closed).toBeUndefined();
  expect((await outbox.read(1, { abort }))?.sequence).toBe(1);
  await expect(outbox.append(1, encode(1), { abort })).rejects.toThrow("closed");
});

test("emptied resolves at the last ack", async () => {
  const outbox = createMemoryOutbox({ maxBytes: 100 });
  await outbox.emptied({ abort });
  await outbox.append(1, encode(1), { abort });
  await outbox.append(1, encode(1), { abort });
  const emptied = outbox.emptied({ abort });
  outbox.ack(1);
  expect(await settled(emptied)).toBe(false);
  outbox.ack(2);
  await emptied;
});

test("an ack for more than there is lets go of what there is", async () => {
  const outbox = createMemoryOutbox({ maxBytes: 100 });
  await outbox.append(1, encode(1), { abort });
  outbox.ack(7);
  expect(outbox.ackedSequence).toBe(1);
  expect(await outbox.append(1, encode(1), { abort })).toBe(2);
});
