// Segment files of a lane: their names, where each batch is in them, and how to create and append.
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "./files.ts";
import { encodeSegmentHeader, recordHeaderBytes, segmentHeaderBytes } from "./format.ts";
import { lastSequenceOf, type Run } from "./scan.ts";

/** A file with the batches first, first + 1, …; it grows only at its end. */
export type Segment = Pick<Run, "firstSequence" | "offsets" | "records" | "firstMs" | "lastMs"> & {
  path: string;
};

/**
 * The spool cannot continue: its last write may or may not be on the disk. Open the spool again;
 * its recovery finds out.
 */
export class SpoolError extends Error {
  override readonly name = "SpoolError";
}

export function segmentPath(folder: string, firstSequence: number): string {
  return join(folder, `${String(firstSequence).padStart(16, "0")}.seg`);
}

/** The first sequence according to a file's name, or undefined if it is not a segment. */
export function firstSequenceOf(name: string): number | undefined {
  const match = /^(\d{16})\.seg$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** The last sequence in a segment; the one before its first if it is empty. */
export const lastOf: (segment: Segment) => number = lastSequenceOf;

export function sizeOf({ offsets }: Segment): number {
  return offsets.at(-1)!;
}

/** Where a batch's bytes are in its segment, and how many records it has. */
export function batchIn(
  segment: Segment,
  sequence: number,
): { at: number; bytes: number; records: number } {
  const index = sequence - segment.firstSequence;
  const at = segment.offsets[index]!;
  return {
    at,
    bytes: segment.offsets[index + 1]! - at - recordHeaderBytes,
    records: segment.records[index]!,
  };
}

/** The segment that has a sequence, of segments in ascending order. */
export function findSegment(segments: readonly Segment[], sequence: number): Segment | undefined {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (segments[middle]!.firstSequence <= sequence) low = middle + 1;
    else high = middle;
  }
  const segment = segments[low - 1];
  return segment && sequence <= lastOf(segment) ? segment : undefined;
}

/** Makes an empty segment, durably. */
export async function createSegment(folder: string, firstSequence: number): Promise<Segment> {
  const path = segmentPath(folder, firstSequence);
  await writeWhole(path, [encodeSegmentHeader(firstSequence)]);
  return { path, firstSequence, offsets: [segmentHeaderBytes], records: [], firstMs: 0, lastMs: 0 };
}

/**
 * Writes after the last record of a segment. What it writes counts only once it is in the segment's
 * arrays.
 */
export class SegmentWriter implements AsyncDisposable {
  readonly segment: Segment;
  readonly #handle: FileHandle;

  constructor(segment: Segment, handle: FileHandle) {
    this.segment = segment;
    this.#handle = handle;
  }

  /**
   * Throws the disk's error. It removes what was partly written, or throws SpoolError if it cannot.
   */
  async write(bytes: Uint8Array): Promise<void> {
    const at = sizeOf(this.segment);
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(
          bytes,
          done,
          bytes.length - done,
          at + done,
        );
        done += bytesWritten;
      }
    } catch (error) {
      // The next record may be shorter; the rest of this one must not remain after it.
      await this.#handle.truncate(at).catch((cause: unknown) => {
        throw new SpoolError(`cannot take back what was written to ${this.segment.path}`, {
          cause,
        });
      });
      throw error;
    }
  }

  /**
   * Throws SpoolError: after a failed sync the kernel may have dropped the pages, and a second one
   * would succeed without them.
   */
  async sync(): Promise<void> {
    await this.#handle.datasync().catch((cause: unknown) => {
      throw new SpoolError(`cannot sync ${this.segment.path}`, { cause });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

export async function openSegmentWriter(segment: Segment): Promise<SegmentWriter> {
  return new SegmentWriter(segment, await open(segment.path, "r+"));
}
