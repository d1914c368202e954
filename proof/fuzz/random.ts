// Random choices that a seed repeats, and ways to corrupt bytes.
import { randomSource } from "./seeded.ts";

export type Random = ReturnType<typeof createRandom>;

/** Integers, picks and bytes that follow from a seed. */
export function createRandom(seed: number) {
  const next = randomSource(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    chance: (probability: number) => next() < probability,
    pick: <T>(items: readonly T[]): T => items[below(items.length)]!,
    bytes: (length: number) => Buffer.from(Uint8Array.from({ length }, () => below(256))),
  };
}

/** A few bits flipped, a piece cut out, doubled, overwritten, or cut off. */
export function breakBytes(random: Random, bytes: Buffer): Buffer {
  const broken = Buffer.from(bytes);
  if (broken.length === 0) return random.bytes(1 + random.below(16));
  const at = random.below(broken.length);
  switch (random.below(5)) {
    case 0:
      for (let i = 0; i <= random.below(4); i++)
        broken[random.below(broken.length)]! ^= 1 << random.below(8);
      return broken;
    case 1:
      return broken.subarray(0, at);
    case 2:
      return Buffer.concat([
        broken.subarray(0, at),
        random.bytes(random.below(32)),
        broken.subarray(at),
      ]);
    case 3:
      return Buffer.concat([broken, broken.subarray(at)]);
    default:
      random.bytes(Math.min(16, broken.length - at)).copy(broken, at);
      return broken;
  }
}
