// The judges of the proofs find what they must find: records that are missing, duplicated, altered
// or moved; and growth.
import { expect, test } from "vitest";
import { toColumn } from "../codec/wire/samples.ts";
import { toBatch } from "../producer/simulate/batch.ts";
import { createFleet } from "../producer/simulate/fleet.ts";
import { contentOf, errorText, keyOf, stateText } from "./chaos/content.ts";
import type { Stored, StoredCommit } from "./chaos/stored.ts";
import { missingBetween, spoolOpenings } from "./deaths.ts";
import { judgeFleet } from "./fleet-oracle.ts";
import { judgeHeap } from "./heaps.ts";
import { judgeDescriptors, trendsOf } from "./usage.ts";
import { addKey, judgeWatcher } from "./watcher-outcome.ts";

const [machines, seed] = [2, 5];
const fromUs = Date.UTC(2026, 2, 1) * 1000;
const toUs = fromUs + 20e6;

/** The stored records of 20 s, in batches of 250 ms, after a change. */
function storedAfter(change: (commits: StoredCommit[]) => void = () => {}): Stored {
  const fleet = createFleet({ machines, seed });
  const made: StoredCommit[] = [];
  for (let us = fromUs; us < toUs; us += 250_000)
    for (const { recordsIn } of fleet) {
      const batch = toBatch(recordsIn(us, us + 250_000))!;
      const columns = new Map(batch.samples.map((samples) => [samples.signal, toColumn(samples)]));
      const states = batch.stateChanges.map(stateText);
      made.push({
        revision: 0,
        content: contentOf(batch),
        columns,
        states,
        errors: batch.errorReports.map(errorText),
      });
    }
  change(made);
  const commits = new Map(made.map((commit, i) => [i + 1, { ...commit, revision: i + 1 }]));
  const none = {
    quarantined: 0,
    stateRows: new Map<number, number>(),
    errorRows: new Map<number, number>(),
  };
  return { commits, receipts: [], head: commits.size, watermark: 0, ...none };
}

const judge = (stored: Stored, more = {}) =>
  judgeFleet(stored, { machines, seed, fromUs, toUs, ...more });

test("a whole fleet passes", () => {
  expect(judge(storedAfter())).toMatchObject({
    samples: 4000,
    lost: 0,
    doubled: 0,
    gaps: 0,
    holes: 0,
    findings: [],
  });
});

test("a batch that is missing is lost, at the edges too, unless nobody made it", () => {
  for (const at of [0, 60, 159]) {
    const stored = storedAfter((commits) => commits.splice(at, 1));
    expect(judge(stored).lost).toBeGreaterThanOrEqual(25);
    expect(judge(stored).gaps).toBe(1);
  }
  const stored = storedAfter((commits) => commits.splice(60, 1));
  expect(judge(stored, { mayMiss: () => true })).toMatchObject({
    lost: 0,
    gaps: 0,
    holes: 1,
    findings: [],
  });
});

test("a dead producer may leave a hole until its next life opens the spool, and no longer", () => {
  const life = (pid: number, fromS: number, throughS: number) => ({
    pid,
    fromUs: fromS * 1e6,
    throughUs: throughS * 1e6,
  });
  const line = (s: number, message: string) =>
    JSON.stringify({
      time: new Date(s * 1000).toISOString(),
      level: "info",
      name: "producer",
      message,
    });
  const log = [
    line(1, "spool open"),
    line(2, "connected"),
    line(130, "spool open"),
    line(131, "connected").slice(0, 40),
    line(243, "spool open"),
    line(400, "spool open"),
    line(401.5, "spool open"),
    "",
  ].join("\n");
  const openings = spoolOpenings(log);
  expect(openings).toEqual([1e6, 130e6, 243e6, 400e6, 401.5e6]);
  // A start of 29 s; a life that never opens its spool; one that ends before it can have stored
  // anything; the last one continues.
  const lives = [
    life(1, 0, 100),
    life(2, 101, 200),
    life(3, 201, 230),
    life(4, 231, 399),
    life(5, 399.5, 400.5),
    life(6, 401, 500),
  ];
  const mayMiss = missingBetween(lives, openings);
  for (const [beforeS, afterS] of [
    [98.6, 130.01],
    [199, 243],
    [398, 401.5],
  ])
    expect(mayMiss(beforeS! * 1e6, afterS! * 1e6), `${beforeS} to ${afterS}`).toBe(true);
  for (const [beforeS, afterS] of [
    [98.4, 130],
    [99, 130.03],
    [150, 150.5],
    [199, 401],
    [499, 500],
  ])
    expect(mayMiss(beforeS! * 1e6, afterS! * 1e6), `${beforeS} to ${afterS}`).toBe(false);
  expect(missingBetween(lives, [])(99e6, 100e6)).toBe(false);
});

test("a batch that is there twice, and a machine of somebody else, are doubled", () => {
  expect(
    judge(storedAfter((commits) => commits.push(commits[40]!))).doubled,
  ).toBeGreaterThanOrEqual(25);
  const foreign = storedAfter((commits) =>
    commits.push({ ...commits[0]!, content: { ...commits[0]!.content, machine: "saw-99" } }),
  );
  expect(judge(foreign).doubled).toBe(1);
});

test("a value, a time or a text that was never made is found", () => {
  const alter = (what: "timesUs" | "values") => (commits: StoredCommit[]) => {
    const column = commits[9]!.columns.get("power")!;
    commits[9]!.columns.set("power", {
      ...column,
      [what]: column[what].map((x, i) => (i === 3 ? x + 0.5 : x)),
    });
  };
  // One too many, and the true one is missing.
  for (const what of ["timesUs", "values"] as const)
    expect(judge(storedAfter(alter(what)))).toMatchObject({ doubled: 1, lost: 1 });
  const stored = storedAfter((commits) => {
    const one = commits.find(({ states }) => states.length > 0)!;
    one.states[0] = `${one.states[0]}!`;
  });
  expect(judge(stored).lost).toBe(1);
});

test("a feed that lacks, repeats or exchanges a batch is found", () => {
  const stored = storedAfter();
  const cursorAt = (revision: number) => {
    const bytes = Buffer.alloc(19);
    bytes.writeBigUInt64BE(BigInt(revision), 11);
    return bytes.toString("base64url");
  };
  const keys = [...stored.commits.values()].map(({ content }) => keyOf(content)).slice(10);
  const outcome = (seen: readonly string[]) => ({
    after: cursorAt(10),
    cursor: cursorAt(stored.head),
    batches: seen.length,
    sum: seen.reduce((sum, key, i) => addKey(sum, { key, place: i + 1 }), 0),
    reconnects: 0,
    breaks: 0,
  });
  expect(judgeWatcher(outcome(keys), stored)).toEqual([]);
  for (const seen of [keys.slice(1), [...keys, keys[0]!], [keys[1]!, keys[0]!, ...keys.slice(2)]])
    expect(judgeWatcher(outcome(seen), stored)).toHaveLength(1);
});

test("growth has a slope, a sawtooth has none", () => {
  const rows = (rssKb: (second: number) => number) =>
    Array.from({ length: 1800 }, (_, atS) => ({
      atS,
      name: "x",
      pid: 1,
      rssKb: rssKb(atS),
      fds: 30,
    }));
  const sawtooth = (second: number) => 100_000 + (second % 10) * 1_000;
  const [flat] = trendsOf(rows(sawtooth), { warmUpS: 600 });
  expect(Math.abs(flat!.rssSlopeMbPerHour)).toBeLessThan(0.5);
  const [rising] = trendsOf(
    rows((second) => sawtooth(second) + second * 10),
    { warmUpS: 600 },
  );
  expect(rising!.rssSlopeMbPerHour).toBeCloseTo((10 * 3600) / 1024, 0);
  expect(rising).toMatchObject({ lives: 1, fdsFirst: 30, fdsLast: 30, fdsSlopePerHour: 0 });
});

test("descriptors and memory that stay open or held are found", () => {
  const rows = (fds: (second: number) => number) =>
    Array.from({ length: 1800 }, (_, atS) => ({
      atS,
      name: "x",
      pid: 1,
      rssKb: 100_000,
      fds: fds(atS),
    }));
  const [pulsing] = trendsOf(
    rows((second) => 30 + (second % 20 === 0 ? 15 : 0)),
    { warmUpS: 600 },
  );
  expect(judgeDescriptors(pulsing!, { mayGrow: 10 })).toBeUndefined();
  // One descriptor kept at each fault, every 20 s.
  const [leaking] = trendsOf(
    rows((second) => 30 + Math.floor(second / 20)),
    { warmUpS: 600 },
  );
  expect(judgeDescriptors(leaking!, { mayGrow: 10 })).toMatch(/^x has \d+ open descriptors/);
  const heap = { name: "x", collections: 30, firstMb: 40, maxMb: 60 };
  expect(judgeHeap({ ...heap, lastMb: 50 }, { mayGrowMb: 10 })).toBeUndefined();
  expect(judgeHeap({ ...heap, lastMb: 51 }, { mayGrowMb: 10 })).toMatch(/holds 51\.0 MB/);
  expect(judgeHeap({ ...heap, collections: 0, lastMb: 40 }, { mayGrowMb: 10 })).toMatch(
    /never told/,
  );
});
