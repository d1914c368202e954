// The batches of a lane that share one write and one sync.
import type { Entry } from "../outbox/outbox.ts";
import type { ByteBound } from "./byte-bound.ts";
import { encodeRecord, maxRecordBytes } from "./format.ts";

/** An append that waits for its number. */
export type Pending = {
  records: number;
  encode: (sequence: number) => Uint8Array;
  abort: AbortSignal;
  resolve: (sequence: number) => void;
  reject: (reason: unknown) => void;
};
/** An append that has its number, and the bytes to write for it. */
export type Numbered = { pending: Pending; entry: Entry; record: Buffer; timeMs: number };

/** Most bytes that share one write and sync. */
const maxGroupBytes = 4 * 2 ** 20;

/** Takes from the queue as much as the bound allows to be written now, and numbers it. */
export function takeGroup(
  queue: Pending[],
  { bound, lastSequence }: { bound: ByteBound; lastSequence: number },
): Numbered[] {
  const group: Numbered[] = [];
  const timeMs = Date.now();
  for (let bytes = 0; queue.length > 0 && bytes < maxGroupBytes; ) {
    const pending = queue[0]!;
    const sequence = lastSequence + group.length + 1;
    try {
      const entry: Entry = { sequence, bytes: pending.encode(sequence), records: pending.records };
      const record = encodeRecord({ ...entry, syncedThrough: lastSequence, timeMs });
      if (record.length > maxRecordBytes)
        throw new RangeError(`a batch of ${record.length} bytes is too large`);
      if (!bound.take(record.length, { alone: group.length === 0 })) break;
      group.push({ pending, entry, record, timeMs });
      bytes += record.length;
    } catch (error) {
      pending.reject(error);
    }
    queue.shift();
  }
  return group;
}
