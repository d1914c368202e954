// Segment files of a lane: names, what lies where in one, making one, and writing at its end.
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "./files.ts";
import { encodeSegmentHeader, recordHeaderBytes, segmentHeaderBytes } from "./format.ts";
import { lastSequenceOf, type Run } from "./scan.ts";

/** A file of batches first, first + 1, …; grows only at its end. */
export type Segment = Pick<Run, "firstSequence" | "offsets" | "records" | "firstMs" | "lastMs"> & {
  path: string;
};

/**
 * A spool that cannot go on: what it last wrote may or may not be there. Open it anew; its recovery
 * finds out.
 */
export class SpoolError extends Error {
  override readonly name = "SpoolError";
}

export function segmentPath(folder: string, firstSequence: number): string {
  return join(folder, `${String(firstSequence).padStart(16, "0")}.seg`);
}

/** The first sequence that a file's name says, or undefined if it is not a segment. */
export function firstSequenceOf(name: string): number | undefined {
  const match = /^(\d{16})\.seg$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** The last sequence in a segment; the one before its first if it is empty. */
export const lastOf: (segment: Segment) => number = lastSequenceOf;

export function sizeOf({ offsets }: Segment): number {
  return offsets.at(-1)!;
}

/** Bytes of a batch of a segment, and how many records it has. */
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
 * Writes behind the last record of a segment. What it writes counts only once the segment's arrays
 * say so.
 */
export class SegmentWriter implements AsyncDisposable {
  readonly segment: Segment;
  readonly #handle: FileHandle;

  constructor(segment: Segment, handle: FileHandle) {
    this.segment = segment;
    this.#handle = handle;
  }

  /**
   * Throws what the disk says; a part that was written is taken away again, or else throws
   * SpoolError.
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
      // What comes next may be shorter; the rest of this must not stand behind it.
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
