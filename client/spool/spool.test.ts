// A spool keeps what it promised: exact bytes, in order, through closing, dying, full disks and
// damage, and says what it has lost.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { armFailpoints } from "../../runtime/failpoint.ts";
import {
  appendAll,
  heldNumbers,
  openTestSpool,
  payloadOf,
  range,
  recordingLog,
  reportedNumbers,
  temporaryFolder,
} from "../testing/spool.ts";

const { signal: abort } = new AbortController();
afterEach(() => armFailpoints(""));

async function settled(promise: Promise<unknown>, waitMs = 50): Promise<boolean> {
  const late = Symbol();
  const timer = new Promise((resolve) => setTimeout(resolve, waitMs, late));
  return (await Promise.race([promise.catch(() => {}), timer])) !== late;
}

test("batches are numbered, kept, and there again after a restart; numbering goes on", async () => {
  await using folder = await temporaryFolder();
  {
    await using spool = await openTestSpool(folder.path, { producerId: "press-1" });
    await appendAll(spool.live, 20);
    await appendAll(spool.backlog, 3);
    expect(spool.live.ack(7)).toBe(7);
    expect(spool.live.held.batches).toBe(13);
  }
  await using spool = await openTestSpool(folder.path);
  expect([spool.producerId, spool.live.producerId, spool.backlog.producerId]).toEqual([
    "press-1",
    "press-1.live",
    "press-1.backlog",
  ]);
  expect(await heldNumbers(spool.live)).toEqual(range(8, 20));
  expect(await heldNumbers(spool.backlog)).toEqual(range(1, 3));
  expect(await spool.live.append(1, payloadOf, { abort })).toBe(21);
  expect(await reportedNumbers(folder.path)).toEqual([]);
});

test("files go when all of them is acknowledged, and numbering outlasts them", async () => {
  await using folder = await temporaryFolder();
  for (const round of [0, 1, 2]) {
    await using spool = await openTestSpool(folder.path, { segmentBytes: 300 });
    for (let i = 0; i < 10; i++) await appendAll(spool.live, 5);
    expect(spool.live.lastSequence).toBe(50 * (round + 1));
    spool.live.ack(spool.live.lastSequence);
    while (spool.usedBytes > 700) await new Promise(setImmediate);
  }
  await using spool = await openTestSpool(folder.path);
  expect(await heldNumbers(spool.live)).toEqual([]);
  expect(spool.live.ackedSequence).toBe(150);
});

test("appends resolve after their sync, and many share one", async () => {
  await using folder = await temporaryFolder();
  await using spool = await openTestSpool(folder.path);
  const order: number[] = [];
  const appends = range(1, 40).map(() =>
    spool.live.append(1, payloadOf, { abort }).then((sequence) => {
      order.push(sequence);
      expect(spool.live.lastSequence).toBeGreaterThanOrEqual(sequence);
    }),
  );
  // Not readable before it is durable: what is sent must not be numbered anew after a power cut.
  expect(spool.live.lastSequence).toBe(0);
  await Promise.all(appends);
  expect(order).toEqual(range(1, 40));
});

test("a failed sync ends the spool; a new one finds what is there", async () => {
  await using folder = await temporaryFolder();
  {
    await using spool = await openTestSpool(folder.path);
    await appendAll(spool.live, 3);
    armFailpoints("spool.before-fsync=throw@1");
    await expect(spool.live.append(1, payloadOf, { abort })).rejects.toThrow("failpoint");
    await expect(spool.live.append(1, payloadOf, { abort })).rejects.toThrow("failpoint");
    expect(spool.live.failed.aborted).toBe(true);
    expect(spool.live.lastSequence).toBe(3);
  }
  armFailpoints("");
  await using spool = await openTestSpool(folder.path);
  // The fourth was written and never promised: it may be there, whole.
  expect(await heldNumbers(spool.live)).toEqual(range(1, spool.live.lastSequence));
  expect(spool.live.lastSequence).toBeGreaterThanOrEqual(3);
});

test("at its bound, block lets appends wait, in order, until acks make room", async () => {
  await using folder = await temporaryFolder();
  await using spool = await openTestSpool(folder.path, { maxBytes: 4000, segmentBytes: 500 });
  const sequences: number[] = [];
  const all = range(1, 300).map(() =>
    spool.live.append(1, payloadOf, { abort }).then((sequence) => sequences.push(sequence)),
  );
  const end = Promise.all(all);
  expect(await settled(end)).toBe(false);
  expect(sequences.length).toBeLessThan(90);
  expect(spool.usedBytes).toBeLessThanOrEqual(4000);
  const stop = new AbortController();
  const given = spool.live.append(1, payloadOf, { abort: stop.signal });
  stop.abort(new Error("given up"));
  await expect(given).rejects.toThrow("given up");
  while (sequences.length < 300) {
    spool.live.ack(spool.live.lastSequence);
    await new Promise(setImmediate);
  }
  await end;
  expect(sequences).toEqual(range(1, 300));
});

test("a batch above the bound is taken when nothing is held", async () => {
  await using folder = await temporaryFolder();
  await using spool = await openTestSpool(folder.path, { maxBytes: 2000 });
  expect(await spool.live.append(1, () => new Uint8Array(10_000), { abort })).toBe(1);
  const second = spool.live.append(1, payloadOf, { abort });
  expect(await settled(second)).toBe(false);
  spool.live.ack(1);
  expect(await second).toBe(2);
});

test("at its bound, drop-oldest gives up the oldest files of either lane, and records which", async () => {
  await using folder = await temporaryFolder();
  const { log, lines } = recordingLog();
  {
    await using spool = await openTestSpool(folder.path, {
      maxBytes: 4000,
      segmentBytes: 500,
      whenFull: "drop-oldest",
      log,
    });
    await appendAll(spool.backlog, 20);
    for (let i = 0; i < 40; i++) await appendAll(spool.live, 5);
    expect(spool.usedBytes).toBeLessThanOrEqual(4000);
    expect(await heldNumbers(spool.backlog)).toEqual([]);
    const held = await heldNumbers(spool.live);
    expect(held.at(-1)).toBe(200);
    expect(held).toEqual(range(held[0]!, 200));
    expect(spool.live.dropped.batches).toBe(200 - held.length);
    // The next hello goes on behind what is gone.
    expect(spool.live.ackedSequence).toBe(held[0]! - 1);
    expect(spool.live.missing.flatMap(({ first, last }) => range(first, last))).toEqual(
      range(1, held[0]! - 1),
    );
  }
  const gaps = (await readFile(join(folder.path, "gaps.ndjson"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(gaps[0]).toMatchObject({
    cause: "dropped",
    first: 1,
    last: expect.any(Number),
    from: expect.any(String),
  });
  expect(lines.join("")).toMatch(/DROPPED the oldest batches.*first=1 /);
  await using spool = await openTestSpool(folder.path);
  const held = await heldNumbers(spool.live);
  expect(held.at(-1)).toBe(200);
  const reported = await reportedNumbers(folder.path);
  expect(reported.toSorted((a, b) => a - b)).toEqual(
    [...range(1, 20), ...range(1, held[0]! - 1)].toSorted((a, b) => a - b),
  );
});

test("one process has a spool, and a dead one's lock does not stay", async () => {
  await using folder = await temporaryFolder();
  {
    await using _spool = await openTestSpool(folder.path);
    await expect(openTestSpool(folder.path)).rejects.toThrow(/another process uses this spool/);
    expect(await runChild(folder.path, { count: 10 })).toMatchObject({ code: 1, taken: [] });
  }
  const { signalName } = await runChild(folder.path, {
    count: 10,
    failpoints: "spool.after-fsync=exit@2",
  });
  expect(signalName).toBe("SIGKILL");
  await using spool = await openTestSpool(folder.path);
  expect((await heldNumbers(spool.live)).length).toBeGreaterThanOrEqual(5);
});

test("a spool stays that of its producer", async () => {
  await using folder = await temporaryFolder();
  await (await openTestSpool(folder.path, { producerId: "a" }))[Symbol.asyncDispose]();
  await expect(openTestSpool(folder.path, { producerId: "b" })).rejects.toThrow(
    /belongs to producer "a", not "b"/,
  );
});

type Ran = { code: number | null; signalName: string | null; taken: number[]; acked: number };
async function runChild(
  folder: string,
  { count, failpoints = "" }: { count: number; failpoints?: string },
): Promise<Ran> {
  const script = new URL("../testing/crash-child.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, folder, String(count)], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, MILLRACE_FAILPOINTS: failpoints },
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  const [code, signalName] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on("close", (...how) => resolve(how)),
  );
  const numbers = (word: string) =>
    [...text.matchAll(new RegExp(`^${word} (-?\\d+)`, "gm"))].map(([, n]) => Number(n));
  return { code, signalName, taken: numbers("taken"), acked: Math.max(0, ...numbers("acked")) };
}

const points = [
  "before-write",
  "before-fsync",
  "after-fsync",
  "before-ack",
  "after-ack",
  "before-delete",
  "after-delete",
];
test.each(
  [...points, "before-roll", "after-roll"].flatMap((point) =>
    [1, 3].map((n) => [`spool.${point}`, n] as const),
  ),
)("killed at %s, time %i: what was promised is there, twice in a row", async (point, n) => {
  await using folder = await temporaryFolder();
  const promised = new Set<number>();
  let acked = 0;
  for (const _ of [1, 2]) {
    const ran = await runChild(folder.path, { count: 200, failpoints: `${point}=exit@${n}` });
    expect(ran.signalName).toBe("SIGKILL");
    for (const sequence of ran.taken) {
      expect(promised.has(sequence)).toBe(false);
      promised.add(sequence);
    }
    acked = Math.max(acked, ran.acked);
    await using spool = await openTestSpool(folder.path, { segmentBytes: 2000 });
    const held = new Set(await heldNumbers(spool.live));
    for (const sequence of promised) expect(held.has(sequence) || sequence <= acked).toBe(true);
    expect(await reportedNumbers(folder.path)).toEqual([]);
  }
});
