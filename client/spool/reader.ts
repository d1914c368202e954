// Reads batches back: the newest from memory, others from their file, one piece at a time.
import { open } from "node:fs/promises";
import type { Entry } from "../outbox/outbox.ts";
import { parseRecord } from "./format.ts";
import { lastOf, type Segment } from "./segment.ts";

const pieceBytes = 256 * 1024;
const maxRecentBytes = 4 * 2 ** 20;

export class SpoolReader {
  /** Recently appended batches: live batches are never read from the disk. */
  readonly #recent = new Map<number, Entry>();
  #recentBytes = 0;
  /** Batches of the last piece that was read. */
  #ahead = new Map<number, Entry>();

  /** Remembers what was just appended, for a while. */
  remember(entry: Entry): void {
    this.#recent.set(entry.sequence, entry);
    this.#recentBytes += entry.bytes.length;
    for (const [sequence, { bytes }] of this.#recent) {
      if (this.#recentBytes <= maxRecentBytes) break;
      this.#recent.delete(sequence);
      this.#recentBytes -= bytes.length;
    }
  }

  forgetThrough(through: number): void {
    for (const [sequence, { bytes }] of this.#recent) {
      if (sequence > through) break;
      this.#recent.delete(sequence);
      this.#recentBytes -= bytes.length;
    }
  }

  /**
   * The batch, checked; undefined if the file has something else in its place. Rejects with the
   * disk's error.
   */
  async read(sequence: number, segment: Segment): Promise<Entry | undefined> {
    const known = this.#recent.get(sequence) ?? this.#ahead.get(sequence);
    if (known) return known;
    const index = sequence - segment.firstSequence;
    const at = segment.offsets[index]!;
    const end = Math.max(
      segment.offsets[index + 1]!,
      Math.min(at + pieceBytes, segment.offsets.at(-1)!),
    );
    const piece = Buffer.alloc(end - at);
    const handle = await open(segment.path, "r");
    try {
      await handle.read(piece, 0, piece.length, at);
    } finally {
      await handle.close();
    }
    this.#ahead = new Map();
    for (let one = sequence; one <= lastOf(segment); one++) {
      const begin = segment.offsets[one - segment.firstSequence]! - at;
      const record = parseRecord(piece, begin, { minSequence: one, maxSequence: one });
      if (!record) break;
      this.#ahead.set(one, { sequence: one, bytes: record.bytes, records: record.records });
    }
    return this.#ahead.get(sequence);
  }
}
