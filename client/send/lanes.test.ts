// Two lanes of a spool: after an outage what is new goes first and the backlog follows, each batch
// once, each lane in its own order.
import { create } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { settled } from "../../test/testing/eventually.ts";
import type { SpoolOptions } from "../spool/spool.ts";
import { type Hooks, openIngestStub, type StubState } from "../testing/ingest-stub.ts";
import { openTestSpool, range, recordingLog, temporaryFolder } from "../testing/spool.ts";
import { type BatchSender, type LanesOptions, startLanes } from "./lanes.ts";

const { signal: abort } = new AbortController();

/** A batch that tells its number in order of appending. */
function batchOf(n: number, size = 1): Batch {
  const times = { case: "grid" as const, value: { startUs: BigInt(n), periodUs: 10_000n } };
  const values = Array.from({ length: size }, () => n);
  return create(BatchSchema, {
    machine: "mill-1",
    samples: [{ signal: "power", unit: "W", times, values }],
  });
}
const numberOf = (batch: Batch | null) => batch?.samples[0]?.values[0];
const numbersOf = ({ producers }: StubState, lane: string) =>
  (producers.get(`p.${lane}`) ?? []).map(numberOf);

type Given = {
  port: number;
  folder: string;
  spool?: Partial<SpoolOptions>;
  lanes?: Partial<LanesOptions>;
};
async function openTestLanes({ port, folder, spool: spoolOptions, lanes }: Given) {
  const { log, lines } = recordingLog();
  const spool = await openTestSpool(folder, { producerId: "p", log, ...spoolOptions });
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });
  const sleep = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const sender = startLanes({ transport, spool, log, sleep, ...lanes });
  const end = async () => {
    await sender[Symbol.asyncDispose]();
    await spool[Symbol.asyncDispose]();
    transport[Symbol.dispose]();
  };
  return { spool, sender, lines, end };
}

async function newFolder(): Promise<string> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  return folder.path;
}

async function connected(sender: BatchSender): Promise<void> {
  while (!sender.counts.connected) await new Promise((resolve) => setTimeout(resolve, 2));
}

test("connected, batches take the live lane", async () => {
  await using stub = await openIngestStub();
  const { sender, end } = await openTestLanes({ port: stub.port, folder: await newFolder() });
  await connected(sender);
  for (const n of range(1, 30)) await sender.append(batchOf(n), { abort });
  expect(await sender.close({ abort })).toEqual({ unackedBatches: 0, unackedRecords: 0 });
  expect(numbersOf(stub.state, "live")).toEqual(range(1, 30));
  expect(numbersOf(stub.state, "backlog")).toEqual([]);
  await end();
});

test("after an outage live batches go first and the backlog follows, each once and in order", async () => {
  const first = await openIngestStub();
  const { port, state } = first;
  const folder = await newFolder();
  const { sender, end } = await openTestLanes({
    port,
    folder,
    lanes: { maxBacklogInFlightBytes: 4000 },
  });
  await connected(sender);
  for (const n of range(1, 10)) await sender.append(batchOf(n), { abort });
  await sender.flush({ abort });
  await first[Symbol.asyncDispose]();
  while (sender.counts.connected) await new Promise((resolve) => setTimeout(resolve, 2));
  for (const n of range(11, 210)) await sender.append(batchOf(n, 50), { abort });
  expect(sender.held.batches).toBe(200);

  // Acks of the backlog are slow, so that live batches come while it is on its way.
  let live = 1000;
  const liveBefore: number[] = [];
  const hooks: Hooks = {
    async beforeAck() {
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
  await using second = await openIngestStub(hooks, { port, state });
  await connected(sender);
  const { arrived } = second.state;
  for (; live < 1030; live++) {
    const seen = arrived.length;
    await sender.append(batchOf(live), { abort });
    while (numbersOf(state, "live").at(-1) !== live) await new Promise(setImmediate);
    liveBefore.push(
      arrived.slice(seen).filter(({ producerId }) => producerId === "p.backlog").length,
    );
  }
  expect(numbersOf(state, "backlog").length).toBeLessThan(200);
  // At most what was on its way when it was appended (4000 bytes are 9 batches), and what is sent
  // while it is synced.
  expect(liveBefore.toSorted((a, b) => a - b)[15]).toBeLessThanOrEqual(20);
  await sender.flush({ abort });
  expect(numbersOf(state, "live")).toEqual([...range(1, 10), ...range(1000, 1029)]);
  expect(numbersOf(state, "backlog")).toEqual(range(11, 210));
  expect(state.stored).toHaveLength(240);
  await end();
});

test("a backlog that is connected first is told when the live lane has nothing to send, again after each break", async () => {
  const folder = await newFolder();
  await using spool = await openTestSpool(folder, { producerId: "p" });
  const { live, change } = spool;
  for (const _session of range(1, 3)) {
    const session = new AbortController();
    // What the backlog does: looks, and then waits for any change. Nothing is appended meanwhile.
    const told = (async () => {
      while (!live.starved) await change.next(abort);
    })();
    const reading = live.read(1, { abort: session.signal });
    await told;
    session.abort();
    expect(await reading).toBeUndefined();
    expect(live.starved).toBe(false);
  }
});

test("live batches that an outage left unacknowledged come before any backlog", async () => {
  const first = await openIngestStub({ beforeStore: () => new Promise(() => {}) });
  const { port, state } = first;
  const folder = await newFolder();
  const opened = await openTestLanes({ port, folder });
  await connected(opened.sender);
  for (const n of range(1, 5)) await opened.sender.append(batchOf(n), { abort });
  await first[Symbol.asyncDispose]();
  while (opened.sender.counts.connected) await new Promise((resolve) => setTimeout(resolve, 2));
  for (const n of range(6, 50)) await opened.sender.append(batchOf(n), { abort });
  await opened.end();
  state.arrived.length = 0;
  await using second = await openIngestStub({}, { port, state });
  // A new process on the same spool.
  const again = await openTestLanes({ port, folder });
  await again.sender.flush({ abort });
  expect(second.state.stored.map(numberOf)).toEqual(range(1, 50));
  expect(state.arrived.slice(0, 5).every(({ producerId }) => producerId === "p.live")).toBe(true);
  await again.end();
});

test("of a backlog that nobody acknowledges no more is on its way than may be", async () => {
  const folder = await newFolder();
  const away = await openTestLanes({ port: 1, folder });
  for (const n of range(201, 250)) await away.sender.append(batchOf(n, 50), { abort });
  const { bytes } = (await away.spool.backlog.read(1, { abort }))!;
  await away.end();
  await using stub = await openIngestStub({ beforeAck: () => false });
  const lanes = { maxBacklogInFlightBytes: 4_000 };
  const { sender, end } = await openTestLanes({ port: stub.port, folder, lanes });
  await connected(sender);
  expect(await settled(() => stub.state.arrived.length)).toBe(Math.floor(4_000 / bytes.length));
  await end();
});

test("a live lane that has fallen behind sends what comes next to the backlog", async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await using stub = await openIngestStub({ beforeStore: () => held });
  const { sender, spool, end } = await openTestLanes({
    port: stub.port,
    folder: await newFolder(),
    lanes: { maxLiveBytes: 2000 },
  });
  await connected(sender);
  for (const n of range(1, 60)) await sender.append(batchOf(n, 10), { abort });
  expect(spool.live.held.bytes).toBeLessThan(2200);
  expect(spool.backlog.held.batches).toBe(60 - spool.live.held.batches);
  release();
  await sender.flush({ abort });
  const [live, backlog] = [numbersOf(stub.state, "live"), numbersOf(stub.state, "backlog")];
  expect([...live, ...backlog].toSorted((a, b) => a! - b!)).toEqual(range(1, 60));
  expect(live).toEqual(live.toSorted((a, b) => a! - b!));
  expect(backlog).toEqual(backlog.toSorted((a, b) => a! - b!));
  await end();
});

test.each([false, true])(
  "a gap of the spool is told to the server behind all that came before it (while connected: %s)",
  async (isConnected) => {
    let release = () => {};
    let held = Promise.resolve();
    const hooks: Hooks = { beforeStore: () => held };
    await using stub = await openIngestStub(hooks);
    const folder = await newFolder();
    const port = isConnected ? stub.port : 1;
    // Much more than the connection buffers.
    const spool = { maxBytes: 200_000, segmentBytes: 10_000, whenFull: "drop-oldest" as const };
    const given = { folder, spool, lanes: { maxLiveBytes: 1e9 } };
    const opened = await openTestLanes({ port, ...given });
    let lane: "live" | "backlog" = "backlog";
    if (isConnected) {
      lane = "live";
      await connected(opened.sender);
      held = new Promise<void>((resolve) => (release = resolve));
    }
    for (const n of range(1, 300)) await opened.sender.append(batchOf(n, 1000), { abort });
    expect(opened.spool[lane].dropped.batches).toBeGreaterThan(50);
    const before = opened.spool[lane].held.batches;
    if (!isConnected) await opened.end();
    const {
      sender,
      spool: reopened,
      lines,
      end,
    } = isConnected ? opened : await openTestLanes({ port: stub.port, ...given });
    release();
    await sender.flush({ abort });
    const stored = numbersOf(stub.state, lane).filter((n) => n !== undefined);
    expect(stored.slice(-before)).toEqual(range(301 - before, 300));
    expect(new Set(stored).size).toBe(stored.length);
    expect(reopened[lane].lastSequence).toBe(300);
    // The gap is the spool's own, and not taken for a loss of the server.
    expect(sender.counts.lostBatches).toBe(0);
    expect(lines.join("")).toMatch(/continues after the gap/);
    expect(lines.join("")).not.toMatch(/accessor LOST/);
    await end();
  },
);
