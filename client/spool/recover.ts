// Brings the files of a lane into order after any end of the process: cuts a torn tail, sets
// damaged files aside, keeps everything that is intact.
import { link, open, readdir, readFile, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Log } from "../../runtime/log.ts";
import { errorCode, makePrivateFolder, syncFolder, writeWhole } from "./files.ts";
import { encodeSegmentHeader, segmentHeaderBytes } from "./format.ts";
import type { MarkState } from "./mark.ts";
import { lastSequenceOf, type Run, scanSegment } from "./scan.ts";
import { firstSequenceOf, lastOf, type Segment, segmentPath } from "./segment.ts";

/**
 * Missing sequences, from first through last, and when the batches before and after them were
 * appended, if there are any.
 */
export type Hole = { first: number; last: number; fromMs?: number; toMs?: number };

export type Recovered = {
  /** Ascending, without overlap; each is one run. */
  segments: Segment[];
  ackedSequence: number;
  /** Highest number that was ever assigned and made durable, as far as the files show. */
  lastSequence: number;
  /** Missing sequences between the acknowledged and the last one. */
  holes: Hole[];
};

export type RecoverOptions = {
  folder: string;
  /** Where damaged files go, as LANE-NAME. */
  quarantine: string;
  mark: MarkState | undefined;
  log: Log;
};

export async function recoverLane(options: RecoverOptions): Promise<Recovered> {
  const { folder, mark } = options;
  await makePrivateFolder(folder);
  const firsts: number[] = [];
  for (const name of await readdir(folder)) {
    const first = firstSequenceOf(name);
    if (first !== undefined) firsts.push(first);
    else if (name.endsWith(".seg.tmp")) await unlink(join(folder, name));
  }
  firsts.sort((a, b) => a - b);

  const segments: Segment[] = [];
  let lastSequence = Math.max(mark?.syncedThrough ?? 0, mark?.ackedThrough ?? 0);
  for (const [i, first] of firsts.entries()) {
    const nextFirst = firsts[i + 1];
    lastSequence = Math.max(lastSequence, first - 1);
    if (nextFirst !== undefined && mark && nextFirst - 1 <= mark.ackedThrough) {
      await unlink(segmentPath(folder, first));
      continue;
    }
    for (const segment of await recoverFile(options, { first, nextFirst })) segments.push(segment);
  }
  const last = segments.at(-1);
  if (last) lastSequence = Math.max(lastSequence, lastOf(last));
  // Segments are deleted from the lowest on, and only once they are acknowledged. So without a
  // mark, the first one left shows how far acknowledgements have come.
  const ackedSequence = mark?.ackedThrough ?? (firsts[0] ?? lastSequence + 1) - 1;
  return {
    segments,
    ackedSequence,
    lastSequence,
    holes: findHoles(segments, { ackedSequence, lastSequence }),
  };
}

type Place = { first: number; nextFirst: number | undefined };

async function recoverFile(
  options: RecoverOptions,
  { first, nextFirst }: Place,
): Promise<Segment[]> {
  const { folder, mark, log } = options;
  const path = segmentPath(folder, first);
  const file = await readFile(path);
  const scan = scanSegment(file, first);
  // A salvage that was cut short leaves runs in two files.
  let runs = scan.runs.filter(
    ({ firstSequence }) => nextFirst === undefined || firstSequence < nextFirst,
  );
  // A record that was durable, according to a later record or the mark, cannot be a torn tail.
  const proven =
    nextFirst === undefined
      ? runs.reduce((most, run) => Math.max(most, run.syncedThrough), mark?.syncedThrough ?? 0)
      : Infinity;
  let damaged = !scan.headerValid;
  let expected = first;
  let tailAt = scan.tailAt;
  for (const [i, run] of runs.entries()) {
    const at = i === 0 ? segmentHeaderBytes : runs[i - 1]!.offsets.at(-1)!;
    if (run.offsets[0] !== at || run.firstSequence !== expected) {
      if (expected > proven) {
        runs = runs.slice(0, i);
        tailAt = at;
        break;
      }
      damaged = true;
    }
    expected = lastSequenceOf(run) + 1;
  }
  const torn = tailAt !== undefined && expected > proven;
  if (tailAt !== undefined && !torn) damaged = true;
  if (torn) {
    log.warn("cut a torn tail off the spool: batches that were never promised", {
      file: basename(path),
      cutBytes: file.length - tailAt!,
    });
  }
  if (damaged) return salvage(options, { path, file, runs });
  if (nextFirst === undefined) await makeDurable(path, torn ? tailAt : undefined);
  return runs.length > 0 ? runs.map((run) => ({ ...run, path })) : [emptySegment(path, first)];
}

function emptySegment(path: string, firstSequence: number): Segment {
  return { path, firstSequence, offsets: [segmentHeaderBytes], records: [], firstMs: 0, lastMs: 0 };
}

/**
 * What a killed process wrote may not have reached the disk yet, and the lane is about to promise
 * it.
 */
async function makeDurable(path: string, length: number | undefined): Promise<void> {
  const handle = await open(path, "r+");
  try {
    if (length !== undefined) await handle.truncate(length);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/**
 * Copies the intact runs of a damaged file into files of their own, and keeps the file unchanged in
 * quarantine. It can be interrupted and repeated at any point.
 */
async function salvage(
  { folder, quarantine, log }: RecoverOptions,
  { path, file, runs }: { path: string; file: Buffer; runs: readonly Run[] },
): Promise<Segment[]> {
  await makePrivateFolder(quarantine);
  const aside = join(quarantine, `${basename(folder)}-${basename(path)}`);
  await linkAside(path, aside);
  await syncFolder(quarantine);
  const segments: Segment[] = [];
  // Start with the last run, since the first may take the damaged file's place.
  for (const run of runs.toReversed()) {
    const [from, to] = [run.offsets[0]!, run.offsets.at(-1)!];
    const target = segmentPath(folder, run.firstSequence);
    await writeWhole(target, [encodeSegmentHeader(run.firstSequence), file.subarray(from, to)]);
    const offsets = run.offsets.map((offset) => offset - from + segmentHeaderBytes);
    segments.unshift({ ...run, path: target, offsets });
  }
  if (segments[0]?.path !== path) await unlink(path);
  await syncFolder(folder);
  const kept = runs.reduce((sum, { records }) => sum + records.length, 0);
  log.error("a file of the spool is DAMAGED; what is whole is kept, the file is set aside", {
    file: basename(path),
    keptBatches: kept,
    quarantine: aside,
  });
  return segments;
}

/** The same file may be damaged a second time in another place: both copies are kept. */
async function linkAside(path: string, aside: string): Promise<void> {
  for (let n = 0; ; n++) {
    try {
      return await link(path, n === 0 ? aside : `${aside}.${n}`);
    } catch (error) {
      if (errorCode(error) !== "EEXIST" || n >= 1000) throw error;
    }
  }
}

function findHoles(
  segments: readonly Segment[],
  { ackedSequence, lastSequence }: { ackedSequence: number; lastSequence: number },
): Hole[] {
  const holes: Hole[] = [];
  let expected = ackedSequence + 1;
  let before: Segment | undefined;
  for (const segment of segments) {
    if (segment.records.length === 0) continue;
    if (segment.firstSequence > expected)
      holes.push(hole(expected, segment.firstSequence - 1, { before, after: segment }));
    expected = Math.max(expected, lastOf(segment) + 1);
    before = segment;
  }
  if (expected <= lastSequence) holes.push(hole(expected, lastSequence, { before }));
  return holes;
}

function hole(
  first: number,
  last: number,
  { before, after }: { before?: Segment | undefined; after?: Segment },
): Hole {
  return {
    first,
    last,
    ...(before && { fromMs: before.lastMs }),
    ...(after && { toMs: after.firstMs }),
  };
}
