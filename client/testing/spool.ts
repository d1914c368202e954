// What the tests of the spool share: batches that contain their number, temporary spools, and a
// check that a spool is sound.
import { copyFile, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createLog, type Log } from "../../runtime/log.ts";
import { quickFolder } from "../../test/testing/quick-folder.ts";
import type { Lane } from "../spool/lane.ts";
import { readRecordFile } from "../spool/record-file.ts";
import { openSpool, type SpoolOptions } from "../spool/spool.ts";

const { signal: abort } = new AbortController();

/** Bytes that are different for each number, with different lengths. */
export function payloadOf(sequence: number): Uint8Array {
  const bytes = new Uint8Array(8 + ((sequence * 7) % 23)).fill(sequence % 251);
  new DataView(bytes.buffer).setFloat64(0, sequence);
  return bytes;
}

export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(quickFolder(), "millrace-spool-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Copies a folder's files, and those of its folders. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.isDirectory()) await copyFolder(join(from, entry.name), join(to, entry.name));
    else await copyFile(join(from, entry.name), join(to, entry.name));
  }
}

/** A log whose lines end up in an array. */
export function recordingLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    log: createLog({
      name: "test",
      format: "pretty",
      color: false,
      sink: (line) => lines.push(line),
    }),
  };
}

export function openTestSpool(folder: string, options: Partial<SpoolOptions> = {}) {
  return openSpool({ folder, log: recordingLog().log, maxBytes: 1 << 20, ...options });
}

export async function appendAll(lane: Lane, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => lane.append(1, payloadOf, { abort })));
}

/** The numbers held by a lane, read back. Throws if one has other bytes than its own. */
export async function heldNumbers(lane: Lane): Promise<number[]> {
  const numbers: number[] = [];
  for (let sequence = lane.ackedSequence + 1; sequence <= lane.lastSequence; sequence++) {
    const entry = await lane.read(sequence, { abort });
    if (!entry) continue;
    if (Buffer.compare(entry.bytes, payloadOf(sequence)) !== 0 || entry.sequence !== sequence)
      throw new Error(`batch ${sequence} has other bytes`);
    numbers.push(sequence);
  }
  if (numbers.length !== lane.held.batches)
    throw new Error(`${numbers.length} read, ${lane.held.batches} held`);
  return numbers;
}

/** The numbers that a spool has reported as lost. */
export async function reportedNumbers(folder: string): Promise<number[]> {
  const gaps = (await readRecordFile(join(folder, "gaps.ndjson"))) as {
    first: number;
    last: number;
  }[];
  return gaps.flatMap(({ first, last }) => range(first, last));
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}
