// The progress of a lane: what is durable and what is acknowledged. It is written often and mostly
// without a sync, because losing it only repeats work.
import { type FileHandle, open, stat } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { writeWhole } from "./files.ts";

/** Sequences, 0 for none. */
export type MarkState = { syncedThrough: number; ackedThrough: number };

/**
 * Two slots are written in turn, so that a torn one leaves the other intact. Far apart, so that no
 * sector holds both.
 */
const slotBytes = 28;
const slotAt = [0, 4096] as const;
const fileBytes = 4096 + slotBytes;

function encodeSlot(turn: number, { syncedThrough, ackedThrough }: MarkState): Buffer {
  const slot = Buffer.alloc(slotBytes);
  slot.writeBigUInt64LE(BigInt(turn), 0);
  slot.writeBigUInt64LE(BigInt(syncedThrough), 8);
  slot.writeBigUInt64LE(BigInt(ackedThrough), 16);
  slot.writeUInt32LE(crc32(slot.subarray(0, 24)), 24);
  return slot;
}

function parseSlot(slot: Buffer): (MarkState & { turn: number }) | undefined {
  if (slot.length < slotBytes || crc32(slot.subarray(0, 24)) !== slot.readUInt32LE(24))
    return undefined;
  return {
    turn: Number(slot.readBigUInt64LE(0)),
    syncedThrough: Number(slot.readBigUInt64LE(8)),
    ackedThrough: Number(slot.readBigUInt64LE(16)),
  };
}

export class Mark implements AsyncDisposable {
  readonly #handle: FileHandle;
  #turn: number;
  #saving: Promise<void> | undefined;
  #next: MarkState | undefined;

  constructor(handle: FileHandle, turn: number) {
    this.#handle = handle;
    this.#turn = turn;
  }

  /**
   * Writes soon, without a sync; of several saves in a row it writes only the last. It fails
   * silently, since a failure only repeats work.
   */
  save(state: MarkState): void {
    this.#next = state;
    this.#saving ??= this.#saveAll().finally(() => {
      this.#saving = undefined;
    });
  }

  /** Writes and syncs: for state that must be durable because files are about to be deleted. */
  async saveDurably(state: MarkState): Promise<void> {
    this.save(state);
    await this.#saving;
    await this.#write(state);
    await this.#handle.datasync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#saving;
    await this.#handle.close();
  }

  async #saveAll(): Promise<void> {
    while (this.#next) {
      const state = this.#next;
      this.#next = undefined;
      await this.#write(state).catch(() => {});
    }
  }

  async #write(state: MarkState): Promise<void> {
    this.#turn++;
    await this.#handle.write(encodeSlot(this.#turn, state), 0, slotBytes, slotAt[this.#turn % 2]!);
  }
}

/** Opens or makes the mark of a lane. `state` is undefined if no slot can be read. */
export async function openMark(
  path: string,
): Promise<{ mark: Mark; state: MarkState | undefined }> {
  const size = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  // It has its full length from the start, so that a full disk cannot stop later writes.
  if (size < fileBytes) await writeWhole(path, [Buffer.alloc(fileBytes)]);
  const handle = await open(path, "r+");
  const file = await handle.readFile();
  const slots = slotAt
    .map((at) => parseSlot(file.subarray(at, at + slotBytes)))
    .filter((slot) => slot !== undefined);
  const best = slots.sort((a, b) => b.turn - a.turn)[0];
  const state = best && { syncedThrough: best.syncedThrough, ackedThrough: best.ackedThrough };
  return { mark: new Mark(handle, best?.turn ?? 0), state };
}
