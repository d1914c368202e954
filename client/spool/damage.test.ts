// Files cut at every byte and flipped at every bit: what is there is right, what is not is
// reported, and the spool goes on.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  appendAll,
  copyFolder,
  heldNumbers,
  openTestSpool,
  payloadOf,
  range,
  recordingLog,
  reportedNumbers,
  temporaryFolder,
} from "../testing/spool.ts";

const { signal: abort } = new AbortController();

async function segmentFiles(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, "live"));
  return names.filter((name) => name.endsWith(".seg")).sort();
}

/**
 * Opens a damaged spool, checks all that must hold after any damage, and returns what it holds and
 * what it said.
 */
async function recover(folder: string, { promised, acked }: { promised: number; acked: number }) {
  const { log, lines } = recordingLog();
  let held: number[];
  {
    await using spool = await openTestSpool(folder, { log });
    held = await heldNumbers(spool.live);
    const lost = await reportedNumbers(folder);
    const accounted = new Set([...held, ...lost]);
    for (const sequence of range(acked + 1, promised)) expect(accounted.has(sequence)).toBe(true);
    expect(held.filter((sequence) => lost.includes(sequence))).toEqual([]);
    const next = await spool.live.append(1, payloadOf, { abort });
    expect(next).toBeGreaterThan(promised);
  }
  // What was mended stays mended, and is not reported again.
  const reported = await reportedNumbers(folder);
  await using spool = await openTestSpool(folder);
  expect(await heldNumbers(spool.live)).toEqual([...held, spool.live.lastSequence]);
  expect(await reportedNumbers(folder)).toEqual(reported);
  return { held, lines: lines.join("") };
}

test("a tail that was never promised is cut at any byte, without a gap", async () => {
  await using folder = await temporaryFolder();
  const [short, long] = [join(folder.path, "short"), join(folder.path, "long")];
  {
    await using spool = await openTestSpool(short);
    await appendAll(spool.live, 4);
  }
  await copyFolder(short, long);
  const [name] = await segmentFiles(short);
  const kept = (await readFile(join(short, "live", name!))).length;
  {
    await using spool = await openTestSpool(long);
    await appendAll(spool.live, 3);
  }
  const whole = await readFile(join(long, "live", name!));
  // Powered off: the mark is that of the last group's beginning, the file ends anywhere in it.
  for (let length = kept; length <= whole.length; length++) {
    const cut = join(folder.path, `cut-${length}`);
    await copyFolder(short, cut);
    await writeFile(join(cut, "live", name!), whole.subarray(0, length));
    const { log, lines } = recordingLog();
    await using spool = await openTestSpool(cut, { log });
    const held = await heldNumbers(spool.live);
    expect(held).toEqual(range(1, held.length));
    expect(held.length).toBeGreaterThanOrEqual(4);
    expect(await spool.live.append(1, payloadOf, { abort })).toBe(held.length + 1);
    expect(await reportedNumbers(cut)).toEqual([]);
    const atEdge = held.length === 7 || length === kept || !lines.join("").includes("torn");
    expect(lines.join("")).not.toContain("DAMAGED");
    if (!atEdge) expect(lines.join("")).toMatch(/cut a torn tail.*cutBytes=[1-9]/);
    await rm(cut, { recursive: true });
  }
});

test("holes in a group that was never promised are a torn tail too: blocks reach the disk in any order", async () => {
  await using folder = await temporaryFolder();
  const [short, long] = [join(folder.path, "short"), join(folder.path, "long")];
  {
    await using spool = await openTestSpool(short);
    await appendAll(spool.live, 4);
  }
  await copyFolder(short, long);
  const [name] = await segmentFiles(short);
  const kept = (await readFile(join(short, "live", name!))).length;
  {
    await using spool = await openTestSpool(long);
    await appendAll(spool.live, 5);
  }
  const whole = await readFile(join(long, "live", name!));
  whole.fill(0, kept + 10, kept + 30);
  await writeFile(join(short, "live", name!), whole);
  const { log, lines } = recordingLog();
  await using spool = await openTestSpool(short, { log });
  expect(await heldNumbers(spool.live)).toEqual(range(1, 4));
  expect(lines.join("")).toMatch(/cut a torn tail/);
  expect(await reportedNumbers(short)).toEqual([]);
  expect(await spool.live.append(1, payloadOf, { abort })).toBe(5);
});

async function promisedSpool(folder: string): Promise<number> {
  await using spool = await openTestSpool(folder, { segmentBytes: 150 });
  for (let i = 0; i < 4; i++) await appendAll(spool.live, 3);
  spool.live.ack(2);
  return spool.live.lastSequence;
}

test("a file cut at any byte: the rest is right, what is gone is reported, the file is set aside if bytes are left of a batch", async () => {
  await using folder = await temporaryFolder();
  const original = join(folder.path, "original");
  const promised = await promisedSpool(original);
  const files = await segmentFiles(original);
  expect(files.length).toBeGreaterThanOrEqual(3);
  for (const name of [files[1]!, files.at(-1)!]) {
    const whole = await readFile(join(original, "live", name));
    for (let length = 0; length < whole.length; length += 1) {
      const cut = join(folder.path, "cut");
      await copyFolder(original, cut);
      await writeFile(join(cut, "live", name), whole.subarray(0, length));
      const { held, lines } = await recover(cut, { promised, acked: 2 });
      if (held.length < promised - 2) expect(lines).toContain("LOST");
      await rm(cut, { recursive: true });
    }
  }
}, 120_000);

test("a flip of any byte: every batch is right or reported, and the damaged file is in quarantine", async () => {
  await using folder = await temporaryFolder();
  const original = join(folder.path, "original");
  const promised = await promisedSpool(original);
  const files = await segmentFiles(original);
  for (const [i, name] of [files[0]!, files.at(-1)!].entries()) {
    const whole = await readFile(join(original, "live", name));
    for (let at = 0; at < whole.length; at++) {
      const flipped = join(folder.path, "flipped");
      await copyFolder(original, flipped);
      const file = Buffer.from(whole);
      file[at]! ^= 1 << ((at + i) % 8);
      await writeFile(join(flipped, "live", name), file);
      const { held, lines } = await recover(flipped, { promised, acked: 2 });
      // A flip costs the batch it is in, and no other.
      expect(held.length).toBeGreaterThanOrEqual(promised - 3);
      expect(lines).toContain("DAMAGED");
      const aside = await readFile(join(flipped, "quarantine", `live-${name}`));
      expect(aside.equals(file)).toBe(true);
      await rm(flipped, { recursive: true });
    }
  }
}, 120_000);

test("a mark that is lost or damaged only repeats work", async () => {
  await using folder = await temporaryFolder();
  const promised = await promisedSpool(folder.path);
  const path = join(folder.path, "live", "mark");
  const mark = await readFile(path);
  await writeFile(path, Buffer.alloc(mark.length, 0xff));
  {
    await using spool = await openTestSpool(folder.path);
    expect(await heldNumbers(spool.live)).toEqual(range(1, promised));
    spool.live.ack(5);
  }
  await rm(path);
  await using spool = await openTestSpool(folder.path);
  expect((await heldNumbers(spool.live)).at(-1)).toBe(promised);
  expect(await reportedNumbers(folder.path)).toEqual([]);
});

test("a bit that flips while the spool is open costs that batch only, and is reported", async () => {
  await using folder = await temporaryFolder();
  await promisedSpool(folder.path);
  const { log, lines } = recordingLog();
  await using spool = await openTestSpool(folder.path, { log });
  const [name] = await segmentFiles(folder.path);
  const file = await readFile(join(folder.path, "live", name!));
  file[file.length - 1]! ^= 1;
  await writeFile(join(folder.path, "live", name!), file);
  const held = await Promise.all(
    range(3, spool.live.lastSequence).map((n) => spool.live.read(n, { abort })),
  );
  expect(held.filter((entry) => entry === undefined)).toHaveLength(1);
  expect(await reportedNumbers(folder.path)).toHaveLength(1);
  expect(lines.join("")).toContain("LOST");
  spool.live.ack(spool.live.lastSequence);
  expect(spool.live.held).toEqual({ batches: 0, bytes: 0, records: 0 });
});

type Step =
  | { kind: "append"; count: number }
  | { kind: "ack"; part: number }
  | { kind: "reopen" }
  | Damage;
type Damage = { kind: "flip" | "cut" | "remove"; file: number; at: number };
const place = { file: fc.nat(20), at: fc.double({ min: 0, max: 1, noNaN: true }) };
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("append" as const),
        count: fc.integer({ min: 1, max: 9 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("ack" as const),
        part: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: "reopen" as const }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom("flip" as const, "cut" as const, "remove" as const),
        ...place,
      }),
    },
  ),
  { maxLength: 25 },
);

test("any sequence of appends, acks, restarts and damage: each promised batch is acknowledged, there, or reported; numbers never repeat", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (program: Step[]) => {
      await using folder = await temporaryFolder();
      const options = { segmentBytes: 200 };
      let spool = await openTestSpool(folder.path, options);
      const promised: number[] = [];
      let acked = 0;
      try {
        for (const step of program) {
          if (step.kind === "append") {
            const taken = range(1, step.count).map(() =>
              spool.live.append(1, payloadOf, { abort }),
            );
            for (const sequence of await Promise.all(taken)) {
              expect(sequence).toBeGreaterThan(promised.at(-1) ?? 0);
              promised.push(sequence);
            }
            continue;
          }
          if (step.kind === "ack") {
            const { ackedSequence, lastSequence } = spool.live;
            acked = ackedSequence + Math.floor((lastSequence - ackedSequence) * step.part);
            spool.live.ack(acked);
            continue;
          }
          await spool[Symbol.asyncDispose]();
          if (step.kind !== "reopen") await damage(folder.path, step);
          spool = await openTestSpool(folder.path, options);
          const accounted = new Set([
            ...(await heldNumbers(spool.live)),
            ...(await reportedNumbers(folder.path)),
          ]);
          for (const sequence of promised)
            expect(accounted.has(sequence) || sequence <= acked).toBe(true);
        }
      } finally {
        await spool[Symbol.asyncDispose]();
      }
    }),
    { numRuns: 120 },
  );
}, 120_000);

async function damage(folder: string, { kind, file, at }: Damage): Promise<void> {
  const files = await segmentFiles(folder);
  if (files.length === 0) return;
  const path = join(folder, "live", files[file % files.length]!);
  const bytes = await readFile(path);
  const position = Math.min(bytes.length - 1, Math.floor(at * bytes.length));
  if (kind === "remove") await rm(path);
  else if (kind === "cut") await writeFile(path, bytes.subarray(0, position));
  else {
    bytes[position]! ^= 1 << (position % 8);
    await writeFile(path, bytes);
  }
}
